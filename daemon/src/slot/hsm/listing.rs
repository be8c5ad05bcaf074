//! The keys of a token by their names, in the worker: listed with what is known of each, told from each other, and removed.

use std::collections::HashMap;

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use super::{
    codec::Plain,
    draft::Leave,
    message::{Answer, Listed, Public, Reference, Trouble},
    reference,
    session::{Lane, is_nameless},
    vendor::Failure,
};

impl Lane {
    /// The keys that are there, one by one.
    pub(super) fn list(&self) -> Result<Answer, Failure> {
        let (mut keys, mut is_cut) = (Vec::new(), false);
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY] {
            let template = [Attribute::Class(class), Attribute::Token(true)];
            let mut found = self.session.iter_objects(&template)?;
            let listed: Vec<_> = found.by_ref().take(MOST_LISTED).collect::<Result<_, _>>()?;
            is_cut |= found.next().transpose()?.is_some();
            drop(found);
            for key in listed {
                keys.push(self.listed(class, key)?);
            }
        }
        mark(&mut keys);
        // Of those that are not listed some may have these names too.
        for listed in keys.iter_mut().filter(|listed| is_cut && !listed.alike) {
            listed.alike = self.keys_called(&listed.key)? > 1;
        }
        Ok(Answer::Listed { keys })
    }

    fn listed(&self, class: ObjectClass, key: ObjectHandle) -> Result<Listed, Failure> {
        let wanted = [
            AttributeType::KeyType,
            AttributeType::Id,
            AttributeType::Label,
            AttributeType::ValueLen,
            AttributeType::EcParams,
        ];
        let (mut kind, mut id, mut label, mut length, mut parameters) = (None, None, None, None, None);
        for attribute in self.session.get_attributes(key, &wanted)? {
            match attribute {
                Attribute::KeyType(said) => kind = Some(u64::from(said)),
                Attribute::Id(bytes) => id = Some(Plain(bytes)),
                Attribute::Label(bytes) => label = Some(Plain(bytes)),
                Attribute::ValueLen(bytes) => length = u32::try_from(u64::from(bytes)).ok(),
                Attribute::EcParams(bytes) => parameters = Some(Plain(bytes)),
                _ => {}
            }
        }
        let id = id.unwrap_or_default();
        let mut public = self.public(key)?;
        if matches!(public, Public::None) && class == ObjectClass::PRIVATE_KEY && !id.0.is_empty() {
            let template = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Id(id.0.clone())];
            let other = self.session.iter_objects(&template)?.next().transpose()?;
            if let Some(other) = other {
                public = self.public(other)?;
            }
        }
        let held = self.is_held(key, Leave::Never)?;
        let key = Reference { class: class.into(), id, label };
        Ok(Listed { key, kind, length, parameters, public, held, alike: false })
    }

    /// Removes a key and, of a pair, its public half. What else has the name, as a certificate does by custom, stays.
    pub(super) fn remove(&self, key: &Reference) -> Result<Answer, Failure> {
        self.forget(key);
        if is_nameless(key) {
            return Err(Trouble::SeveralKeys.into());
        }
        // What was made here may be there twice where an answer was lost, or in part where the token was cut short at it; all of
        // it goes, and nobody else's has this name.
        if key.label.is_none() {
            let label = reference::label_of(&key.id.0);
            let found = self.matching(&[Attribute::Id(key.id.0.clone()), Attribute::Label(label.0)])?;
            if !found.is_empty() {
                return self.destroyed(found);
            }
        }
        let private = self.called(key, ObjectClass::PRIVATE_KEY)?;
        let secret = self.called(key, ObjectClass::SECRET_KEY)?;
        // Without a private half, a public key of this name is somebody else's.
        let public = if private.is_empty() { Vec::new() } else { self.called(key, ObjectClass::PUBLIC_KEY)? };
        // Of several nobody knows which is meant.
        if private.len().saturating_add(secret.len()) > 1 || public.len() > 1 {
            return Err(Trouble::SeveralKeys.into());
        }
        // The half by which the other is found goes last, so that what fails half-way is done when it is asked for again.
        self.destroyed([public, private, secret].concat())
    }

    fn destroyed(&self, objects: Vec<ObjectHandle>) -> Result<Answer, Failure> {
        let mut count = 0u32;
        for object in objects {
            match self.session.destroy_object(object).map_err(Failure::from) {
                Ok(()) => count = count.saturating_add(1),
                // Another was quicker.
                Err(Failure(Trouble::NoKey, _)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(Answer::Removed { count })
    }

    /// How many keys have this name, pairs counted once.
    fn keys_called(&self, key: &Reference) -> Result<usize, Failure> {
        let private = self.called(key, ObjectClass::PRIVATE_KEY)?.len();
        Ok(private.saturating_add(self.called(key, ObjectClass::SECRET_KEY)?.len()))
    }

    /// What has a key's name, of one class.
    fn called(&self, key: &Reference, class: ObjectClass) -> Result<Vec<ObjectHandle>, Failure> {
        let mut template = vec![Attribute::Class(class), Attribute::Token(true), Attribute::Id(key.id.0.clone())];
        template.extend(key.label.as_ref().map(|label| Attribute::Label(label.0.clone())));
        self.matching(&template)
    }

    fn matching(&self, template: &[Attribute]) -> Result<Vec<ObjectHandle>, Failure> {
        Ok(self.session.iter_objects(template)?.take(MOST_OF_ONE_NAME).collect::<Result<_, _>>()?)
    }
}

/// Marks the keys that nothing tells from others of them: who has no label is meant by each search for its identifier.
fn mark(keys: &mut [Listed]) {
    let mut names: HashMap<_, usize> = HashMap::new();
    let mut identifiers: HashMap<_, (usize, bool)> = HashMap::new();
    for Listed { key, .. } in keys.iter() {
        let times = names.entry((key.id.clone(), key.label.clone())).or_default();
        *times = times.saturating_add(1);
        let (times, bare) = identifiers.entry(key.id.clone()).or_default();
        *times = times.saturating_add(1);
        *bare |= key.label.is_none();
    }
    for Listed { key, alike, .. } in keys {
        let of_name = names.get(&(key.id.clone(), key.label.clone())).copied();
        let of_identifier = identifiers.get(&key.id).filter(|(_, bare)| *bare).map(|(times, _)| *times);
        *alike = is_nameless(key) || of_name.max(of_identifier) > Some(1);
    }
}

/// Halves of a pair that was made twice, and what an odd token adds.
const MOST_OF_ONE_NAME: usize = 8;
/// Keys of a class that are listed.
const MOST_LISTED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// A class, an identifier and a label.
    type Row = (u64, &'static [u8], Option<&'static [u8]>);

    #[test]
    fn names_are_told_apart_whatever_kind_of_key_has_them() {
        let cases: [(&str, &[Row], &[bool]); 7] = [
            ("other labels", &[(3, b"1", Some(b"a")), (3, b"1", Some(b"b"))], &[false, false]),
            ("other identifiers", &[(3, b"1", Some(b"a")), (3, b"2", Some(b"a"))], &[false, false]),
            ("the same", &[(3, b"1", Some(b"a")), (4, b"2", None), (3, b"1", Some(b"a"))], &[true, false, true]),
            ("the same in another class", &[(3, b"1", Some(b"a")), (4, b"1", Some(b"a"))], &[true, true]),
            ("one without a label", &[(4, b"1", None), (4, b"1", Some(b"a"))], &[true, true]),
            ("an identifier alone", &[(4, b"1", None), (4, b"2", Some(b""))], &[false, false]),
            ("neither", &[(4, b"", None), (4, b"", Some(b"a"))], &[true, true]),
        ];
        for (name, rows, alike) in cases {
            let row = |(class, id, label): &Row| Listed {
                key: Reference {
                    class: *class,
                    id: Plain(id.to_vec()),
                    label: label.map(|label| Plain(label.to_vec())),
                },
                // No kind that is known here.
                kind: None,
                length: None,
                parameters: None,
                public: Public::None,
                held: true,
                alike: false,
            };
            let mut keys: Vec<_> = rows.iter().map(row).collect();
            mark(&mut keys);
            assert_eq!(keys.iter().map(|listed| listed.alike).collect::<Vec<_>>(), alike, "{name}");
        }
    }
}
