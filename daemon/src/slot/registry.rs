//! The only list of what a slot can be made of.

use std::sync::Arc;

use super::contract::Slot;
use super::hsm::{self, Cluster, Hsm};
use super::software::Software;

/// A kind of slot that needs nothing but a name.
#[derive(Clone, Copy)]
pub struct Member {
    /// The word for it in the configuration and in [`Slot::maker`].
    pub maker: &'static str,
    /// Makes a slot of that kind, by its name.
    pub open: fn(&str) -> Arc<dyn Slot>,
}

/// Every kind of slot that needs nothing but a name.
pub const MEMBERS: &[Member] = &[Member { maker: "software", open: |name| Arc::new(Software::new(name)) }];

/// The kind of that word.
pub fn member(maker: &str) -> Option<&'static Member> {
    MEMBERS.iter().find(|member| member.maker == maker)
}

/// A slot over the token that these settings name. What needs no secret is done by software beside it.
pub fn token(settings: hsm::Settings) -> Arc<dyn Slot> {
    let beside = Arc::new(Software::new(settings.name.clone()));
    Arc::new(Hsm::open(settings, beside))
}

/// A slot over several tokens that hold the same keys, each with its name. `wrapper` is the label of the key under which keys go
/// from one to another; without one the tokens see to it themselves.
pub fn cluster(name: &str, members: Vec<(String, hsm::Settings)>, wrapper: Option<String>) -> Arc<dyn Slot> {
    let beside: Arc<dyn Slot> = Arc::new(Software::new(name));
    Arc::new(Cluster::open(name.to_owned(), members, wrapper, &beside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_found_by_the_word_that_its_slots_say() {
        for known in MEMBERS {
            let slot = (known.open)("dev");
            assert_eq!(slot.maker(), known.maker);
            assert_eq!(slot.name(), "dev");
            assert_eq!(member(slot.maker()).map(|found| found.maker), Some(known.maker));
        }
        assert!(member("Software").is_none());
        assert!(member("").is_none());
    }
}
