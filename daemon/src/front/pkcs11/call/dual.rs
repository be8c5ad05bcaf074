//! Two operations at once: a part is encrypted or decrypted, and its plaintext digested, signed or verified as well.

use strongroom_pkcs11_wire::{
    Rv,
    call::{answer, request},
    value::{Output, Wiped},
};

use super::{contract::Serve, sign, work};
use crate::front::pkcs11::{
    desk::Desk,
    operation::{Kind, Stage},
};

/// The second operation of a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Digest,
    Sign,
    Verify,
}

/// Goes on with both. The plaintext is what goes in before encryption, or what comes out of decryption; the second
/// operation takes it once the first has given its output.
fn go_on(
    desk: &Desk<'_>,
    cipher: Kind,
    beside: Beside,
    session: u64,
    data: Wiped,
    room: strongroom_pkcs11_wire::value::Room,
) -> Result<(Rv, Output), Rv> {
    let kind = match beside {
        Beside::Digest => Kind::Digest,
        Beside::Sign => Kind::Sign,
        Beside::Verify => Kind::Verify,
    };
    let both = desk.application.with(session, |session| session.is_active(cipher) && session.is_active(kind))?;
    if !both {
        return Err(Rv::OPERATION_NOT_INITIALIZED);
    }
    let plain = (cipher == Kind::Encrypt).then(|| Wiped::from(data.reveal()));
    let (rv, output) = work::go_on(desk, cipher, Stage::Part, session, data, room)?;
    if let Output::Bytes(given) = &output {
        let plain = plain.unwrap_or_else(|| Wiped::from(given.reveal()));
        match beside {
            Beside::Digest | Beside::Sign => work::feed(desk, kind, session, plain)?,
            Beside::Verify => sign::feed(desk, session, plain)?,
        }
    }
    Ok((rv, output))
}

/// The functions: which cipher, which operation beside it.
macro_rules! pairs {
    ($($name:ident: $cipher:ident, $beside:ident;)*) => {
        $(impl Serve for request::$name {
            fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::$name), Rv> {
                let (rv, output) =
                    go_on(desk, Kind::$cipher, Beside::$beside, self.session, self.data, self.room)?;
                Ok((rv, answer::$name { output }))
            }
        })*
    };
}

pairs! {
    DigestEncryptUpdate: Encrypt, Digest;
    DecryptDigestUpdate: Decrypt, Digest;
    SignEncryptUpdate: Encrypt, Sign;
    DecryptVerifyUpdate: Decrypt, Verify;
}
