//! Who has a say, and in what: the tables of operators and of what several of them must agree to.

use serde::Deserialize;

use super::schema::tables;
use crate::{
    caller::ClientName,
    service::{self, Guarded},
};

tables! {
    /// Somebody who has a say where several people are asked.
    Operator {
        /// What they are called, in the log.
        name: String = String::new();
        /// The local user, by number, that they are on the operator's socket.
        user: Option<u32> = None;
    }

    /// What several operators must agree to.
    Quorum {
        /// Which calls, by their words.
        operations: Vec<String> = Vec::new();
        /// How many operators must agree, besides whoever asks.
        approvals: usize = 2;
        /// Seconds from the request within which they must have agreed, and the request must have been made again.
        within: u64 = 3600;
    }
}

impl Quorum {
    /// What no type says, of all of them.
    pub(super) fn check(all: &[Self], operators: &[Operator]) -> Result<(), (&'static str, String)> {
        Operator::check(operators)?;
        for (at, quorum) in all.iter().enumerate() {
            if quorum.operations.is_empty() {
                return Err(("operations", format!("`operations` names one or more of {}", words())));
            }
            for word in &quorum.operations {
                if Guarded::named(word).is_none() {
                    return Err(("operations", format!("{word:?} cannot be guarded; what can is {}", words())));
                }
                let earlier = all.iter().take(at).any(|other| other.operations.contains(word));
                if earlier || quorum.operations.iter().filter(|other| *other == word).count() > 1 {
                    return Err(("operations", format!("{word:?} stands in two rules")));
                }
            }
            if !(1..=operators.len()).contains(&quorum.approvals) {
                let there = operators.len();
                let what = format!("`approvals` must be 1 to the number of [[operator]]s, of which there are {there}");
                return Err(("approvals", what));
            }
            if !(60..=MOST_SECONDS).contains(&quorum.within) {
                return Err(("within", format!("`within` must be 60 to {MOST_SECONDS}")));
            }
        }
        Ok(())
    }

    /// As the service takes them. What [`check`](Self::check) refuses is left out.
    pub fn told(all: &[Self], operators: &[Operator]) -> service::Quorum {
        let officer = |operator: &Operator| {
            let name = operator.name.parse().ok()?;
            Some(service::Officer { name, user: operator.user? })
        };
        let rule = |quorum: &Self| service::Rule {
            guarded: quorum.operations.iter().filter_map(|word| Guarded::named(word)).collect(),
            approvals: quorum.approvals,
            within: i64::try_from(quorum.within).unwrap_or(i64::MAX),
        };
        service::Quorum {
            officers: operators.iter().filter_map(officer).collect(),
            rules: all.iter().map(rule).collect(),
        }
    }
}

impl Operator {
    fn check(all: &[Self]) -> Result<(), (&'static str, String)> {
        if all.len() > MOST {
            return Err(("operator", format!("there may be {MOST} operators")));
        }
        for (at, operator) in all.iter().enumerate() {
            let Self { name, user } = operator;
            if name.parse::<ClientName>().is_err() {
                return Err(("name", format!("{name:?} is no name of an operator: 1 to 64 of A-Z a-z 0-9 - _ .")));
            }
            if user.is_none() {
                return Err(("name", format!("operator {name}: `user` is the number of a local user")));
            }
            if all.iter().take(at).any(|other| other.name == *name) {
                return Err(("name", format!("two operators are called {name:?}")));
            }
            if all.iter().take(at).any(|other| other.user == *user) {
                return Err(("user", format!("operator {name}: another operator is the same user")));
            }
        }
        Ok(())
    }
}

fn words() -> String {
    Guarded::ALL.iter().map(|guarded| format!("{:?}", guarded.word())).collect::<Vec<_>>().join(", ")
}

/// More people than ever share an appliance.
const MOST: usize = 64;
/// Thirty days.
const MOST_SECONDS: u64 = 30 * 86_400;
