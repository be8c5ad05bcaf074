//! Another KMIP server: its objects, with all that it says of them, as a client of it sees them.

use strongroom_kmip::{
    attribute::{Attribute, Listed, References},
    client,
    code::{ObjectType, ResultReason, StorageStatusMask},
    identifier::Identifier,
    payload::{GetAttributesRequest, GetRequest, LocateRequest},
    version::V1_3,
};

use super::{
    error::Error,
    parcel::{Left, Parcel, Source, Stays},
    peer::Peer,
};

/// The objects of a server.
pub(super) struct Server {
    peer: Peer,
    address: String,
    ids: std::vec::IntoIter<Identifier>,
}

impl Server {
    /// Asks the server what there is.
    ///
    /// # Errors
    /// [`Error::Peer`].
    pub(super) fn open(mut peer: Peer, address: &str) -> Result<Self, Error> {
        let failed = |source| Error::Peer { address: address.to_owned(), source };
        let mut ids: Vec<Identifier> = Vec::new();
        loop {
            let paged = peer.version() >= V1_3;
            let request = LocateRequest {
                maximum_items: paged.then_some(PAGE),
                offset_items: i32::try_from(ids.len()).ok().filter(|offset| paged && *offset > 0),
                storage_status_mask: Some(StorageStatusMask::OnLineStorage),
                object_group_member: None,
                object_class_mask: None,
                attributes: Listed::default(),
            };
            let found = peer.ask(request).map_err(failed)?.unique_identifier;
            let last = !paged || usize::try_from(PAGE) != Ok(found.len());
            // A server that does not know of offsets begins anew each time.
            let again = found.first().is_some_and(|first| ids.contains(first));
            if !again {
                ids.extend(found);
            }
            if last || again {
                break;
            }
        }
        // The oldest first, as links point from the younger to the older.
        ids.reverse();
        Ok(Self { peer, address: address.to_owned(), ids: ids.into_iter() })
    }

    fn parcel(&mut self, id: &Identifier) -> Result<Parcel, (Option<ObjectType>, Left)> {
        let references = GetAttributesRequest {
            unique_identifier: Some(id.clone().into()),
            attribute_reference: References::default(),
        };
        let attributes = self.peer.ask(references).map_err(|error| (None, error.into()))?.attributes;
        let attributes: Vec<Attribute> = attributes.0.into_iter().map(|instance| instance.attribute).collect();
        let kind = attributes.iter().find_map(|attribute| match attribute {
            Attribute::ObjectType(kind) => Some(*kind),
            _ => None,
        });
        let request = GetRequest {
            unique_identifier: Some(id.clone().into()),
            key_format_type: None,
            key_wrap_type: None,
            key_compression_type: None,
            key_wrapping_specification: None,
        };
        let object = self.peer.ask(request).map_err(|error| (kind, kept(error)))?.object;
        let attributes = attributes.into_iter().filter(travels).collect();
        let origin = format!("{}: {id}", self.address);
        Ok(Parcel { identifier: Some(id.0.clone()), ..Parcel::new(origin, object, attributes) })
    }
}

impl Source for Server {
    fn expected(&self) -> usize {
        self.ids.len()
    }
    fn next(&mut self) -> Option<Result<Parcel, Stays>> {
        let id = self.ids.next()?;
        let origin = format!("{}: {id}", self.address);
        Some(self.parcel(&id).map_err(|(kind, why)| Stays { origin, kind, why }))
    }
}

fn kept(error: client::Error) -> Left {
    match error {
        client::Error::Refused { reason: ResultReason::Sensitive | ResultReason::NotExtractable, .. } => Left::Kept,
        other => other.into(),
    }
}

/// Whether an attribute is true of the object wherever it is.
fn travels(attribute: &Attribute) -> bool {
    match attribute {
        Attribute::LeaseTime(_)
        | Attribute::LastChangeDate(_)
        | Attribute::OperationPolicyName(_)
        | Attribute::Digest(_)
        | Attribute::ShortUniqueIdentifier(_)
        | Attribute::ProtectionStorageMask(_) => false,
        // What a server of KMIP 1.x says of itself.
        Attribute::Vendor(own) => own.vendor != "y",
        _ => true,
    }
}

/// How many identifiers are asked for at once.
const PAGE: i32 = 1_000;
