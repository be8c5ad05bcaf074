//! Interop: tests of an interoperability event begin, end and start afresh. It is served in conformance mode alone.

use strongroom_kmip::{
    code::{InteropFunction, ResultReason, StorageStatusMask},
    payload::{InteropRequest, InteropResponse},
};

use super::{call::Call, contract::Perform, refusal::Refusal, rules};
use crate::vault::Query;

impl Perform for InteropRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<InteropResponse, Refusal> {
        let unserved =
            || Refusal::new(ResultReason::OperationNotSupported, "Interop is served in conformance mode alone");
        let tests = call.tests.ok_or_else(unserved)?;
        let who = call.caller.principal.clone();
        let named = self.interop_identifier.filter(|name| !name.is_empty() && name.len() <= LONGEST);
        let name = || named.clone().ok_or_else(|| Refusal::missing("Interop Identifier of at most 256 bytes"));
        match self.interop_function {
            InteropFunction::Begin => tests.begin(who, name()?)?,
            InteropFunction::End => tests.end(&who, &name()?)?,
            InteropFunction::Reset => {
                reset(call)?;
                tests.forget(&who);
            }
            _ => return Err(Refusal::invalid("there is no such Interop Function")),
        }
        Ok(InteropResponse {})
    }
}

/// Lets nothing stay that is the caller's own.
fn reset(call: &mut Call<'_>) -> Result<(), Refusal> {
    let storage =
        StorageStatusMask::OnLineStorage | StorageStatusMask::ArchivalStorage | StorageStatusMask::DestroyedStorage;
    let (vault, caller) = (call.vault, call.caller);
    let found = call.view()?.find(caller, &Query { storage: Some(storage), ..Query::default() });
    let own: Vec<_> = found.objects.iter().filter(|object| object.owner == caller.principal).collect();
    if own.len() > MOST_OBJECTS {
        return Err(Refusal::new(ResultReason::ServerLimitExceeded, "there are too many objects to remove at once"));
    }
    for object in own {
        vault.expunge(call.change()?, caller, &object.id)?;
    }
    rules::clear(call)
}

/// Longer than any test's name.
const LONGEST: usize = 256;
/// What one change may take with it.
const MOST_OBJECTS: usize = 10_000;
