//! Which calls several people must agree to, where the configuration says so: one table, and the rules over it.

use strongroom_kmip::code::Operation;

use super::order::Order;
use crate::caller::{ClientName, Principal};

/// One row for each kind of call that can be guarded: its name, its word in the configuration, and the operations of KMIP
/// that belong to it, through whichever front they come.
macro_rules! guarded {
    ($($(#[doc = $about:literal])+ $name:ident = $word:literal: $($operation:ident),*;)*) => {
        /// A kind of call that can need the word of several people.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Guarded {
            $($(#[doc = $about])+ $name,)*
        }

        impl Guarded {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As the configuration, the commands and the log spell it.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What it is, in a sentence.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($about),+),)*
                }
            }

            /// The one that an operation of KMIP belongs to.
            pub fn of(operation: Operation) -> Option<Self> {
                match operation {
                    $($(Operation::$operation => Some(Self::$name),)*)*
                    _ => None,
                }
            }
        }
    };
}

guarded! {
    /// The end of an object, or of the material that another takes the place of.
    Destroy = "destroy": Destroy, Obliterate, Import;
    /// Secret material that leaves, wrapped or not.
    Export = "export": Get, Export;
    /// Who is known, and who may do what.
    Policy = "policy": SetConstraints, SetDefaults, CreateUser, CreateGroup, CreateCredential;
    /// The PINs of a token, and the end of everything in a slot.
    Zeroise = "zeroise":;
    /// What opens the vault, and the keys that seal it.
    Rekey = "rekey":;
    /// Who can open backups, and an object that comes back out of one.
    Recovery = "recovery":;
}

impl Guarded {
    /// The one of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|guarded| guarded.word() == word)
    }

    /// The one that an operator's order belongs to.
    pub fn of_order(order: &Order) -> Option<Self> {
        match order {
            Order::ClientAdd { .. }
            | Order::ClientRevoke { .. }
            | Order::CredentialAdd { .. }
            | Order::CredentialRemove { .. }
            | Order::CredentialRequire { .. }
            | Order::BearerIssue { .. }
            | Order::BearerRevoke { .. }
            | Order::SlotAdopt { .. }
            | Order::SlotMake { .. }
            | Order::SlotSet { .. }
            | Order::SlotRename { .. }
            | Order::SlotRemove { .. }
            | Order::KeyGrant { .. } => Some(Self::Policy),
            Order::TokenInit { .. } | Order::SlotZeroise { .. } => Some(Self::Zeroise),
            Order::KmipPut { .. } => Some(Self::Export),
            Order::Rekey { .. } | Order::WayRemove { .. } | Order::Rotate { .. } => Some(Self::Rekey),
            Order::RecoveryMake { .. } | Order::PutBack { .. } => Some(Self::Recovery),
            Order::Status
            | Order::Backup
            | Order::Unseal { .. }
            | Order::UnsealFile { .. }
            | Order::UnsealShare { .. }
            | Order::UnsealSlots
            | Order::UnsealForget
            | Order::Seal
            | Order::ClientList
            | Order::SlotList
            | Order::SlotLogin { .. }
            | Order::KeyList { .. }
            | Order::KeyShow { .. }
            | Order::ApprovalList
            | Order::ApprovalShow { .. }
            | Order::ApprovalGive { .. }
            | Order::ApprovalDeny { .. } => None,
        }
    }
}

/// What the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// For which calls.
    pub guarded: Vec<Guarded>,
    /// How many people must agree.
    pub approvals: usize,
    /// Within how many seconds of the request they must have agreed, and the request must have been made again.
    pub within: i64,
}

/// Somebody who has a say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// The name.
    pub name: ClientName,
    /// The local user, as the kernel knows it on the operator's socket.
    pub user: u32,
}

/// Who is asked for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    /// Those who have a say.
    pub officers: Vec<Officer>,
    /// What they are asked.
    pub rules: Vec<Rule>,
}

impl Quorum {
    /// The rule for a kind of call, if there is one.
    pub fn rule(&self, guarded: Guarded) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.guarded.contains(&guarded))
    }

    /// Who a local user is.
    pub fn officer(&self, user: u32) -> Option<&Officer> {
        self.officers.iter().find(|officer| officer.user == user)
    }

    /// Whether an operator is the one who asked, by whichever door: nobody approves what is their own request.
    pub fn is_same(&self, officer: &ClientName, asker: &Principal, asker_user: Option<u32>) -> bool {
        let user = self.officers.iter().find(|known| known.name == *officer).map(|known| known.user);
        match asker {
            Principal::Officer(name) => name == officer,
            Principal::User(uid) => user == Some(*uid),
            Principal::Client(_) => user.is_some() && asker_user == user,
            Principal::Operator | Principal::Daemon => false,
        }
    }
}
