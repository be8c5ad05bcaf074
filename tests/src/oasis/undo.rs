//! The law of Undo (KMIP 2.1 §9.6): a batch that fails leaves nothing behind, whatever its items were.

use std::collections::BTreeSet;

use strongroom_kmip::code::{BatchErrorContinuationOption, Operation, ResultStatus};
use strongroom_kmip::message::{Credential, RequestItem, RequestMessage, ResponseMessage};
use strongroom_kmip::operation::Request;
use strongroom_kmip::payload::GetRequest;
use strongroom_kmip::secret::Wiped;
use strongroom_kmip::tag::Tag;
use strongroom_kmip::ttlv::{Bytes, Limits, Tree};
use strongroom_kmip::version::V3_0;
use strongroom_kmip::xml;

use super::catalogue::Catalogue;
use super::memory::Memory;
use super::objects::find;
use super::play::{take, unserved};
use super::world::World;

/// Sends every message of the cases first as a batch that is to be undone and fails at its end, and then as it is. Gives
/// the operations that were undone.
///
/// # Errors
///
/// The first message that left something in the store although it was undone.
///
/// # Panics
///
/// As for [`World::start`].
pub fn undone(cases: &Catalogue) -> Result<BTreeSet<Operation>, String> {
    let mut world = World::start();
    let mut seen = BTreeSet::new();
    for episode in &cases.episodes {
        world.sweep()?;
        for case in episode.iter().filter(|case| unserved(case).is_none() && case.sound) {
            world.open(&case.name)?;
            let mut memory = Memory::default();
            for step in &case.steps {
                let Ok(request) = memory.request(&step.request) else { break };
                if let Some(batch) = failing(&request).filter(|_| !step.is_delivery()) {
                    try_undo(&mut world, &batch, &mut seen).map_err(|why| format!("{}: {why}", case.place))?;
                }
                if take(step, &mut world, &mut memory, &mut |_| {}).is_err() {
                    break;
                }
            }
        }
    }
    Ok(seen)
}

fn try_undo(world: &mut World, batch: &[u8], seen: &mut BTreeSet<Operation>) -> Result<(), String> {
    let mut kept = 0;
    loop {
        let before = world.generation()?;
        let operations = exchange(world, batch)?;
        if world.generation()? == before {
            seen.extend(operations);
            return Ok(());
        }
        kept += 1;
        // A date that acts meanwhile changes the store too, but not every time.
        if kept == TRIES {
            return Err(format!("{operations:?}: something was kept"));
        }
    }
}

/// Sends the batch, and says which of its items were undone.
fn exchange(world: &mut World, batch: &[u8]) -> Result<Vec<Operation>, String> {
    let answer = world.exchange(batch)?;
    let tree = Tree::read(&answer, &Limits::default()).map_err(|error| error.to_string())?;
    let answer = ResponseMessage::read(&tree).map_err(|error| error.to_string())?;
    let (last, rest) = answer.items.split_last().ok_or("an answer without items")?;
    let operations: Vec<_> = rest.iter().filter_map(|item| item.operation).collect();
    if last.result_status != ResultStatus::OperationFailed {
        return Err(format!("{operations:?}: the batch did not fail"));
    }
    if rest.iter().any(|item| item.result_status != ResultStatus::OperationUndone) {
        return Err(format!("{operations:?}: the answers do not say that they were undone"));
    }
    Ok(operations)
}

/// The message as a batch that fails at its end and is then undone; nothing for one that spends what the case needs later.
fn failing(request: &[u8]) -> Option<Wiped> {
    let tree = Tree::read(request, &Limits::default()).ok()?;
    let mut message = RequestMessage::read(&tree).ok()?;
    let streams = tree.root().children().filter(|item| item.tag() == Tag::BatchItem).any(|item| {
        find(item, Tag::RequestPayload).is_some_and(|payload| find(payload, Tag::CorrelationValue).is_some())
    });
    let shown = message.header.authentication.iter().flat_map(|shown| &shown.credential);
    let spends = shown.into_iter().any(|credential| matches!(credential, Credential::Ticket(_)));
    let odd = message.items.iter().any(|item| item.payload.is_err() || APART.contains(&item.operation));
    if streams || spends || odd {
        return None;
    }
    message.items.push(RequestItem::from(Request::from(GetRequest {
        unique_identifier: Some("nothing".into()),
        ..GetRequest::default()
    })));
    for (place, item) in (1u32..).zip(&mut message.items) {
        item.unique_batch_item_id = Some(Bytes(place.to_be_bytes().to_vec()));
    }
    message.header.batch_error_continuation_option = Some(BatchErrorContinuationOption::Undo);
    message.header.maximum_response_size = None;
    let older = message.header.protocol_version < V3_0;
    message.header.batch_count = older.then(|| i32::try_from(message.items.len()).ok()).flatten();
    Some(message.write())
}

/// How often something may be kept before it is the batch's fault.
const TRIES: usize = 3;

/// Operations with effects outside the store, which the case goes on from.
const APART: [Operation; 2] = [Operation::PKCS_11, Operation::Interop];

/// The same with batches that no case has.
///
/// # Errors
///
/// As for [`undone`].
///
/// # Panics
///
/// As for [`World::start`].
pub fn undone_by_hand() -> Result<BTreeSet<Operation>, String> {
    let mut world = World::start();
    world.sweep()?;
    let mut seen = BTreeSet::new();
    for (name, items) in BY_HAND {
        world.open(name)?;
        let items: String = items
            .iter()
            .map(|(operation, payload)| {
                let operation = format!("<Operation type=\"Enumeration\" value=\"{operation}\"/>");
                format!("<BatchItem>{operation}<RequestPayload>{payload}</RequestPayload></BatchItem>")
            })
            .collect();
        let text = format!("<RequestMessage><RequestHeader>{VERSION}</RequestHeader>{items}</RequestMessage>");
        let message = xml::read(&text, &Limits::default()).map_err(|error| format!("{name}: {error}"))?;
        let batch = failing(&message).ok_or_else(|| format!("{name}: it cannot be understood"))?;
        try_undo(&mut world, &batch, &mut seen).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(seen)
}

/// Batches by name; each item goes on from the one before.
const BY_HAND: [(&str, &[(&str, &str)]); 6] = [
    ("archive and recover", &[("Create", AES), ("Archive", ""), ("Recover", "")]),
    ("a lease", &[("Create", AES), ("ObtainLease", "")]),
    ("an end", &[("Create", AES), ("Activate", ""), ("Deactivate", "")]),
    ("a second end", &[("Create", AES), ("Destroy", ""), ("Obliterate", "")]),
    ("a pair's successor", &[("CreateKeyPair", P256), ("Activate", ""), ("ReKeyKeyPair", "")]),
    ("what only looks", &[("Ping", ""), ("Query", ""), ("QueryAsynchronousRequests", "")]),
];

const VERSION: &str = "<ProtocolVersion><ProtocolVersionMajor type=\"Integer\" value=\"3\"/>\
                       <ProtocolVersionMinor type=\"Integer\" value=\"0\"/></ProtocolVersion>";
const AES: &str = "<ObjectType type=\"Enumeration\" value=\"SymmetricKey\"/><Attributes>\
                   <CryptographicAlgorithm type=\"Enumeration\" value=\"AES\"/>\
                   <CryptographicLength type=\"Integer\" value=\"128\"/>\
                   <CryptographicUsageMask type=\"Integer\" value=\"Encrypt Decrypt\"/></Attributes>";
const P256: &str = "<CommonAttributes><CryptographicAlgorithm type=\"Enumeration\" value=\"EC\"/>\
                    <CryptographicLength type=\"Integer\" value=\"256\"/></CommonAttributes>\
                    <PrivateKeyAttributes><CryptographicUsageMask type=\"Integer\" value=\"Sign\"/></PrivateKeyAttributes>\
                    <PublicKeyAttributes><CryptographicUsageMask type=\"Integer\" value=\"Verify\"/></PublicKeyAttributes>";
