//! Whether one value is the one that a case expects.

use strongroom_kmip::ttlv::Item;

use super::difference::Difference;
use super::memory::{Memory, Value};
use super::variation::{Freedom, LATE, Scope, fleeting};

/// Compares two items that are no structures, as far as the variations permit; without a scope they permit nothing.
pub(super) fn leaf(
    expected: Item<'_, '_>,
    came: Item<'_, '_>,
    scope: Option<&Scope<'_>>,
    memory: &mut Memory,
) -> Result<(), Difference> {
    if let Some(variable) = Memory::variable(expected) {
        let value = Value::of(came).ok_or_else(|| Difference::between(expected, came))?;
        return match memory.value(variable) {
            Some(known) if *known != value && !fleeting(variable) => {
                Err(Difference::new(format!("${variable} = {known:?}"), format!("{value:?}")))
            }
            _ => {
                memory.bind(variable, value);
                Ok(())
            }
        };
    }
    if let Ok(date) = expected.date_time() {
        return if memory.was_asked(date) { exact(expected, came) } else { near(memory.now(), expected, came) };
    }
    let freedom = scope.map_or(Freedom::None, |scope| scope.freedom(expected));
    match (freedom, expected.byte_string(), came.byte_string()) {
        (Freedom::None, ..) => exact(expected, came),
        (_, Ok(recorded), Ok(bytes)) => {
            let fits = match memory.output(recorded) {
                Some(known) => known == bytes,
                None if freedom == Freedom::Length => recorded.len() == bytes.len(),
                None => !bytes.is_empty(),
            };
            if !fits {
                return Err(Difference::between(expected, came));
            }
            memory.came(recorded, bytes);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn exact(expected: Item<'_, '_>, came: Item<'_, '_>) -> Result<(), Difference> {
    if expected.encoded() == came.encoded() { Ok(()) } else { Err(Difference::between(expected, came)) }
}

/// A point in time that the server has chosen, or that was given as a distance from now. What a case has recorded years
/// ago means now.
pub(super) fn near(now: i64, expected: Item<'_, '_>, came: Item<'_, '_>) -> Result<(), Difference> {
    let (Ok(wanted), Ok(got)) = (expected.date_time(), came.date_time()) else {
        return Err(Difference::between(expected, came));
    };
    let wanted = if wanted.abs_diff(now) > DAY { now } else { wanted };
    if wanted.abs_diff(got) <= LATE { Ok(()) } else { Err(Difference::between(expected, came)) }
}

/// What is further from now than this was recorded, not asked for.
const DAY: u64 = 86_400;
