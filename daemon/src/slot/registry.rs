//! The only list of what a slot can be made of.

use std::sync::Arc;

use super::contract::Slot;
use super::software::Software;

/// A kind of slot.
#[derive(Clone, Copy)]
pub struct Member {
    /// The word for it in the configuration and in [`Slot::maker`].
    pub maker: &'static str,
    /// Makes a slot of that kind, by its name.
    pub open: fn(&str) -> Arc<dyn Slot>,
}

/// Every kind of slot.
pub const MEMBERS: &[Member] = &[Member { maker: "software", open: |name| Arc::new(Software::new(name)) }];

/// The kind of slot that the configuration calls so.
pub fn member(maker: &str) -> Option<&'static Member> {
    MEMBERS.iter().find(|member| member.maker == maker)
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
