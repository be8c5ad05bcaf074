//! What the house asks of an object's attributes all the time, without their wrapping.

use super::{
    CryptographicDomainParameters, CryptographicParameters, Identifier, Link, Linked, Name, Set, UsageLimits,
    table::Attribute,
};
use crate::code::{CryptographicAlgorithm, CryptographicUsageMask, LinkType, ObjectType, State};

/// One value, or each of several, of an attribute that is asked for often.
macro_rules! typed {
    ($($(#[$about:meta])* $name:ident: $variant:ident -> $kind:ty = |$value:ident| $read:expr;)*) => {
        impl Set {
            $($(#[$about])*
            pub fn $name(&self) -> Option<$kind> {
                self.iter().find_map(|attribute| match attribute {
                    Attribute::$variant($value) => Some($read),
                    _ => None,
                })
            })*
        }
    };
}

typed! {
    /// The Unique Identifier.
    unique_identifier: UniqueIdentifier -> &str = |it| it.0.as_str();
    /// What the object is.
    object_type: ObjectType -> ObjectType = |it| *it;
    /// Where it stands in its life.
    state: State -> State = |it| *it;
    /// What the key is for.
    algorithm: CryptographicAlgorithm -> CryptographicAlgorithm = |it| *it;
    /// In bits.
    length: CryptographicLength -> i32 = |it| *it;
    /// What the key may be used for.
    usage_mask: CryptographicUsageMask -> CryptographicUsageMask = |it| *it;
    /// The first Cryptographic Parameters, which stand where a request gives none.
    parameters: CryptographicParameters -> &CryptographicParameters = |it| it.as_ref();
    /// What a key pair was generated from.
    domain_parameters: CryptographicDomainParameters -> &CryptographicDomainParameters = |it| it;
    /// How much may still be protected.
    usage_limits: UsageLimits -> &UsageLimits = |it| it;
    /// When the object was made or registered, in seconds since 1970; so for all dates that follow.
    initial_date: InitialDate -> i64 = |it| it.0;
    /// From when on it is Active.
    activation_date: ActivationDate -> i64 = |it| it.0;
    /// From when on it may decrypt and verify.
    process_start_date: ProcessStartDate -> i64 = |it| it.0;
    /// Until when it may encrypt and sign.
    protect_stop_date: ProtectStopDate -> i64 = |it| it.0;
    /// From when on it is Deactivated.
    deactivation_date: DeactivationDate -> i64 = |it| it.0;
    /// When it was destroyed.
    destroy_date: DestroyDate -> i64 = |it| it.0;
    /// When it became known that it is compromised.
    compromise_date: CompromiseDate -> i64 = |it| it.0;
    /// When it changed last.
    last_change_date: LastChangeDate -> i64 = |it| it.0;
    /// Whether it leaves only wrapped.
    sensitive: Sensitive -> bool = |it| *it;
    /// Whether it was sensitive all its life.
    always_sensitive: AlwaysSensitive -> bool = |it| *it;
    /// Whether it leaves at all.
    extractable: Extractable -> bool = |it| *it;
    /// Whether it was never extractable all its life.
    never_extractable: NeverExtractable -> bool = |it| *it;
}

impl Set {
    /// Every Name.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.iter().filter_map(|attribute| match attribute {
            Attribute::Name(name) => Some(name),
            _ => None,
        })
    }

    /// Every Object Group.
    pub fn object_groups(&self) -> impl Iterator<Item = &str> {
        self.iter().filter_map(|attribute| match attribute {
            Attribute::ObjectGroup(group) => Some(group.as_str()),
            _ => None,
        })
    }

    /// Every Link.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.iter().filter_map(|attribute| match attribute {
            Attribute::Link(link) => Some(link),
            _ => None,
        })
    }

    /// The Unique Identifier of the object at the other end of the first Link of this type.
    pub fn linked(&self, link_type: LinkType) -> Option<&str> {
        self.links().filter(|link| link.link_type == link_type).find_map(|link| match &link.linked_object_identifier {
            Linked::Identifier(identifier) => Some(identifier.as_str()),
            Linked::Name(_) | Linked::Placeholder(_) | Linked::Located(_) => None,
        })
    }

    /// Sets the Unique Identifier.
    pub fn identify(&mut self, identifier: &str) {
        self.put(Attribute::UniqueIdentifier(Identifier::from(identifier)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ttlv::DateTime;

    #[test]
    fn often_asked_values_are_read_without_their_wrapping() {
        let mut set = Set::new();
        assert_eq!((set.state(), set.unique_identifier(), set.activation_date()), (None, None, None));
        set.identify("one");
        set.put(Attribute::State(State::PreActive));
        set.put(Attribute::ActivationDate(DateTime(7)));
        set.put(Attribute::Link(Link::to(LinkType::PublicKeyLink, "two")));
        assert_eq!(set.unique_identifier(), Some("one"));
        assert_eq!(set.state(), Some(State::PreActive));
        assert_eq!(set.activation_date(), Some(7));
        assert_eq!(set.linked(LinkType::PublicKeyLink), Some("two"));
        assert_eq!(set.linked(LinkType::PrivateKeyLink), None);
    }
}
