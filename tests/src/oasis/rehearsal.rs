//! What can be checked of a case without a server.

use strongroom_kmip::message::RequestMessage;
use strongroom_kmip::ttlv::{Limits, Tree};

use super::memory::Memory;
use super::script::Case;

/// Converts every message of a case to TTLV and reads what its requests ask for.
///
/// # Errors
///
/// The message that cannot be converted, and why.
pub fn rehearse(case: &Case) -> Result<(), String> {
    if !case.sound {
        return Err("its requests and answers do not come in turn".to_owned());
    }
    let mut memory = Memory::rehearsal();
    for (number, step) in (1..).zip(&case.steps) {
        let request = memory.request(&step.request).map_err(|why| format!("request {number}: {why}"))?;
        let tree = Tree::read(&request, &Limits::default()).map_err(|why| format!("request {number}: {why}"))?;
        let message = RequestMessage::read(&tree).map_err(|why| format!("request {number}: {why}"))?;
        for item in &message.items {
            if let Err(why) = &item.payload {
                return Err(format!("request {number}: {}: {why}", item.operation));
            }
        }
        memory.expected(&step.answer).map_err(|why| format!("answer {number}: {why}"))?;
    }
    Ok(())
}
