//! Numbers of PKCS#11, beside the words that the standard gives them.

/// A mechanism as PKCS#11 numbers it (`CK_MECHANISM_TYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The standard's word, without `CKM_`.
    pub name: &'static str,
    /// The number.
    pub value: u64,
}

/// Numbers as the tables of this room write them: `AES_ECB = 0x1081, …`.
macro_rules! numbers {
    ($($name:ident = $value:literal),* $(,)?) => {
        &[$($crate::mechanism::Number { name: stringify!($name), value: $value }),*]
    };
}

pub(super) use numbers;
