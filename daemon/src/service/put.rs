//! Put: an object that leaves for a client's endpoint without the client asking (KMIP 2.1 §6.2.3).
//!
//! It is the client's own Export as far as policy, state and form are concerned: what the client could not get, its
//! endpoint is not given.

use std::sync::Arc;

use strongroom_kmip::{
    code::{Operation, PutFunction, ResultReason, WrappingMethod},
    message::RequestMessage,
    object::{EncryptionKeyInformation, KeyWrappingSpecification},
    operation::Response,
    payload::{ExportRequest, ExportResponse, PutRequest},
    secret::Wiped,
};

use super::{
    ask::Ask,
    notify::teller,
    outbox::{Queue, Word},
    refusal::Refusal,
    registry::{Done, Service},
};
use crate::{
    audit::Durability,
    caller::{Caller, Front, Principal, Scope},
    vault::{Action, Change, ObjectId},
};

impl Service {
    /// Lets an endpoint be given an object, at an operator's order.
    ///
    /// # Errors
    /// [`Refusal`] for an endpoint that there is not or that is given nothing, for an object that its client could not get,
    /// and when there is no room.
    pub(super) fn push(&self, endpoint: &str, object: &str, change: &mut Change) -> Result<(), Refusal> {
        let queue = self.outbox.iter().find(|queue| queue.endpoint.name == endpoint);
        let unknown = || Refusal::new(ResultReason::ItemNotFound, format!("no endpoint is called {endpoint}"));
        let queue = queue.ok_or_else(unknown)?;
        if !queue.endpoint.puts {
            let message = format!("endpoint {endpoint} is given no objects; `operations` in its configuration says so");
            return Err(Refusal::unsupported(message));
        }
        let id = ObjectId::from_text(object);
        // Whether it can go is asked now, for the operator to know, and again when it goes.
        let (outcome, ..) = self.export(queue, &id);
        outcome?;
        if self.post(queue, change, &id, Word::Put { replaced: None }, &[]) {
            return Ok(());
        }
        Err(Refusal::new(ResultReason::ServerLimitExceeded, "the endpoint's queue is full of objects that wait"))
    }

    /// The message that gives an endpoint an object. The log tells of it, and the disk has that, when this returns.
    ///
    /// # Errors
    /// [`Refusal`] when the client could not get it; the log tells of that too.
    pub(super) fn put(&self, queue: &Queue, object: &ObjectId, replaced: Option<&str>) -> Result<Wiped, Refusal> {
        let (outcome, done, change) = self.export(queue, object);
        let caller = addressee(queue);
        let change = change.filter(|_| outcome.is_ok());
        self.settle(&done.entry(&caller, done.said), Durability::Sync, change)
            .wait()
            .map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        let exported = outcome?;
        let object = exported.object.ok_or_else(|| Refusal::new(ResultReason::ObjectDestroyed, "it is destroyed"))?;
        let request = PutRequest {
            unique_identifier: exported.unique_identifier,
            put_function: if replaced.is_some() { PutFunction::Replace } else { PutFunction::New },
            replaced_unique_identifier: replaced.map(Into::into),
            object,
            attributes: Some(exported.attributes),
        };
        Ok(RequestMessage::of(queue.endpoint.version, [request.into()]).write())
    }

    /// What the endpoint's client would get of an object, wrapped where the endpoint's secrets are. Nothing of it is recorded
    /// or kept yet.
    fn export(&self, queue: &Queue, id: &ObjectId) -> (Result<ExportResponse, Refusal>, Done, Option<Change>) {
        let number = self.number();
        let refuse = |refusal: Refusal| {
            let done = Done::refused(Operation::Put, &refusal, number).about(id.clone());
            (Err(refusal), done, None)
        };
        let caller = match self.client_of(queue) {
            Ok(caller) => caller,
            Err(refusal) => return refuse(refusal),
        };
        let public = match self.vault.see(&caller, id, Action::See) {
            Ok((object, _)) if object.is_destroyed() => {
                return refuse(Refusal::new(ResultReason::ObjectDestroyed, "the object is destroyed"));
            }
            Ok((object, _)) => object.is_public(),
            Err(error) => return refuse(error.into()),
        };
        let key = queue.endpoint.wrapping_key.as_ref().filter(|_| !public);
        let request = ExportRequest {
            unique_identifier: Some(id.as_str().into()),
            key_format_type: None,
            key_wrap_type: None,
            key_compression_type: None,
            key_wrapping_specification: key.map(|key| Box::new(under(key))),
        };
        let (outcome, mut done, change) =
            self.attempt(&caller, Ask::new(request, queue.endpoint.version, number), None);
        done.operation = Operation::Put;
        let outcome = outcome.and_then(|response| match response {
            Response::Export(exported) => Ok(exported),
            _ => Err(Refusal::new(ResultReason::GeneralFailure, "nothing was exported")),
        });
        (outcome, done, change)
    }

    /// The endpoint's client, as it is registered now.
    pub(super) fn client_of(&self, queue: &Queue) -> Result<Caller, Refusal> {
        let name = &queue.endpoint.client;
        let client = self.vault.client(name)?.filter(|client| !client.revoked);
        let gone = || Refusal::new(ResultReason::NotAuthorised, format!("{name} is no registered client"));
        let role = client.ok_or_else(gone)?.role;
        Ok(Caller { role, ..addressee(queue) })
    }

    /// The queue of this place.
    pub(super) fn queue(&self, place: usize) -> Option<&Arc<Queue>> {
        self.outbox.get(place)
    }
}

/// The client at an endpoint, for the log.
fn addressee(queue: &Queue) -> Caller {
    let principal = Principal::Client(queue.endpoint.client.clone());
    Caller {
        principal,
        role: crate::caller::Role::User,
        front: Front::Endpoint,
        scope: Scope::Everything,
        ..teller(queue)
    }
}

/// How a secret goes under a key of the client's: as KMIP wraps where nothing else is said.
fn under(key: &ObjectId) -> KeyWrappingSpecification {
    KeyWrappingSpecification {
        wrapping_method: WrappingMethod::Encrypt,
        encryption_key_information: Some(EncryptionKeyInformation {
            unique_identifier: key.as_str().into(),
            cryptographic_parameters: None,
        }),
        mac_signature_key_information: None,
        attribute_name: Vec::new(),
        encoding_option: None,
    }
}
