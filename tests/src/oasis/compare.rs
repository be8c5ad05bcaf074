//! Whether an answer is the one that a case expects.

use strongroom_kmip::code::Operation;
use strongroom_kmip::tag::Tag;
use strongroom_kmip::ttlv::{Item, Kind};

use super::difference::Difference;
use super::memory::{Memory, Value};
use super::objects::{Objects, find};
use super::query;
use super::variation::{Freedom, IMPLICIT, LATE, Scope, fleeting, optional, tolerated};

/// Compares messages, and remembers what the answer shows.
pub(super) fn compare(
    request: Item<'_, '_>,
    expected: Item<'_, '_>,
    came: Item<'_, '_>,
    memory: &mut Memory,
    objects: &Objects,
) -> Result<(), Difference> {
    let parts = [expected, came].map(|message| find(message, Tag::ResponseHeader));
    let [Some(head), Some(came_head)] = parts else { return Err(Difference::new("a header", "none")) };
    header(head, came_head, memory).map_err(|difference| difference.within("header"))?;

    let [asked, wanted, got] = [request, expected, came]
        .map(|message| message.children().filter(|item| item.tag() == Tag::BatchItem).collect::<Vec<_>>());
    if wanted.len() != got.len() {
        return Err(Difference::new(format!("{} items", wanted.len()), got.len().to_string()));
    }
    let several = got.len() > 1;
    for (number, ((asked, wanted), got)) in (1..).zip(asked.into_iter().zip(&wanted).zip(got)) {
        let scope = Scope::of(asked, got, objects);
        let place = scope.operation.map_or_else(|| "item".to_owned(), |operation| operation.to_string());
        let place = if several { format!("{place} (item {number})") } else { place };
        item(*wanted, got, &scope, memory).map_err(|difference| difference.within(place))?;
    }
    remember(came, memory);
    Ok(())
}

fn header(expected: Item<'_, '_>, came: Item<'_, '_>, memory: &mut Memory) -> Result<(), Difference> {
    for wanted in expected.children() {
        let got = find(came, wanted.tag()).ok_or_else(|| Difference::missing(wanted))?;
        match wanted.tag() {
            Tag::TimeStamp => near(memory.now(), wanted, got)?,
            // Only the server knows how it calls this exchange.
            Tag::ServerCorrelationValue => {}
            _ => same(wanted, got, None, memory)?,
        }
    }
    Ok(())
}

fn item(expected: Item<'_, '_>, came: Item<'_, '_>, scope: &Scope<'_>, memory: &mut Memory) -> Result<(), Difference> {
    for tag in [Tag::ResultStatus, Tag::ResultReason, Tag::Operation, Tag::UniqueBatchItemID] {
        match (find(expected, tag), find(came, tag)) {
            (Some(wanted), Some(got)) => same(wanted, got, None, memory).map_err(|difference| {
                // A status alone says nothing; the reason and the message behind it do.
                if tag == Tag::ResultStatus {
                    Difference::new(super::difference::shown(wanted), refusal(came))
                } else {
                    difference
                }
            })?,
            (Some(wanted), None) => return Err(Difference::missing(wanted)),
            (None, Some(got)) => return Err(Difference::surplus(got)),
            (None, None) => {}
        }
    }
    match [expected, came].map(|item| find(item, Tag::ResponsePayload)) {
        [Some(wanted), Some(got)] => payload(wanted, got, scope, memory),
        [Some(wanted), None] if wanted.children().next().is_some() => Err(Difference::missing(wanted)),
        [None, Some(got)] if got.children().next().is_some() => Err(Difference::surplus(got)),
        _ => Ok(()),
    }
}

fn payload(
    expected: Item<'_, '_>,
    came: Item<'_, '_>,
    scope: &Scope<'_>,
    memory: &mut Memory,
) -> Result<(), Difference> {
    match scope.operation {
        Some(Operation::Query) => query::answer(expected, came),
        Some(Operation::DiscoverVersions) => query::versions(expected, came),
        Some(Operation::GetAttributes | Operation::GetAttributeList) => set(expected, came, scope, memory),
        _ => sequence(expected, came, Some(scope), memory),
    }
}

/// Whether two items are the same, as far as the variations permit. Without a scope they permit nothing.
fn same(
    expected: Item<'_, '_>,
    came: Item<'_, '_>,
    scope: Option<&Scope<'_>>,
    memory: &mut Memory,
) -> Result<(), Difference> {
    if expected.tag() != came.tag() || expected.kind() != came.kind() {
        return Err(Difference::between(expected, came));
    }
    match scope {
        _ if expected.kind() != Kind::Structure => leaf(expected, came, scope, memory),
        Some(scope) if expected.tag() == Tag::Attributes => {
            set(expected, came, scope, memory).map_err(|difference| difference.within("Attributes"))
        }
        Some(scope) if scope.generated() && is_generator(expected) => generator(came),
        _ => sequence(expected, came, scope, memory).map_err(|difference| difference.within(name(expected))),
    }
}

/// Items in the order of the standard.
fn sequence(
    expected: Item<'_, '_>,
    came: Item<'_, '_>,
    scope: Option<&Scope<'_>>,
    memory: &mut Memory,
) -> Result<(), Difference> {
    let mut rest = came.children().peekable();
    for wanted in expected.children() {
        while rest.next_if(|got| got.tag() != wanted.tag() && tolerated(*got)).is_some() {}
        let got = rest.next().ok_or_else(|| Difference::missing(wanted))?;
        same(wanted, got, scope, memory)?;
    }
    match rest.find(|got| !tolerated(*got)) {
        Some(got) => Err(Difference::surplus(got)),
        None => Ok(()),
    }
}

/// Items in any order. Others may come beside them, unless the request has named what it wants.
fn set(expected: Item<'_, '_>, came: Item<'_, '_>, scope: &Scope<'_>, memory: &mut Memory) -> Result<(), Difference> {
    let mut rest: Vec<Item<'_, '_>> = came.children().collect();
    for wanted in expected.children() {
        let mut first = None;
        let found = rest.iter().position(|&got| {
            let mut trial = memory.clone();
            if identity(wanted) != identity(got) {
                return false;
            }
            match same(wanted, got, Some(scope), &mut trial) {
                Ok(()) => {
                    *memory = trial;
                    true
                }
                Err(difference) => {
                    first.get_or_insert(difference);
                    false
                }
            }
        });
        match found {
            Some(place) => drop(rest.remove(place)),
            None if optional(wanted) => {}
            None => return Err(first.unwrap_or_else(|| Difference::missing(wanted))),
        }
    }
    match rest.first() {
        Some(&got) if scope.chosen => Err(Difference::surplus(got)),
        _ => Ok(()),
    }
}

/// What makes an item of a set the one that is looked for.
fn identity(item: Item<'_, '_>) -> (u32, String) {
    let text = |tag| find(item, tag).and_then(|part| part.text().ok()).unwrap_or_default();
    let what = match (item.tag(), item.kind()) {
        (Tag::Attribute | Tag::AttributeReference, Kind::Structure) => {
            let index = find(item, Tag::AttributeIndex).and_then(|index| index.integer().ok()).unwrap_or_default();
            format!("{}/{}#{index}", text(Tag::VendorIdentification), text(Tag::AttributeName))
        }
        (Tag::AttributeReference, _) => item.enumeration().unwrap_or_default().to_string(),
        (Tag::AttributeName, _) => item.text().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    (item.tag().0, what)
}

fn leaf(
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
fn near(now: i64, expected: Item<'_, '_>, came: Item<'_, '_>) -> Result<(), Difference> {
    let (Ok(wanted), Ok(got)) = (expected.date_time(), came.date_time()) else {
        return Err(Difference::between(expected, came));
    };
    let wanted = if wanted.abs_diff(now) > DAY { now } else { wanted };
    if wanted.abs_diff(got) <= LATE { Ok(()) } else { Err(Difference::between(expected, came)) }
}

/// Whether it is the attribute that tells which random number generator has made the key.
fn is_generator(item: Item<'_, '_>) -> bool {
    let named = || find(item, Tag::AttributeName).is_some_and(|name| name.text() == Ok("Random Number Generator"));
    item.tag() == Tag::RandomNumberGenerator || (item.tag() == Tag::Attribute && named())
}

/// The generator is the server's own; that it is named is not.
fn generator(came: Item<'_, '_>) -> Result<(), Difference> {
    let value = find(came, Tag::AttributeValue).unwrap_or(came);
    match find(value, Tag::RNGAlgorithm) {
        Some(_) => Ok(()),
        None => Err(Difference::new("an RNG Algorithm", super::difference::shown(came))),
    }
}

fn remember(came: Item<'_, '_>, memory: &mut Memory) {
    for (tag, variable) in IMPLICIT {
        if came.tag() == tag
            && let Some(value) = Value::of(came)
        {
            memory.bind(variable, value);
        }
    }
    came.children().for_each(|child| remember(child, memory));
}

fn refusal(came: Item<'_, '_>) -> String {
    let parts = [Tag::ResultStatus, Tag::ResultReason, Tag::ResultMessage];
    let parts = parts.iter().filter_map(|&tag| find(came, tag)).map(super::difference::shown);
    parts.collect::<Vec<_>>().join(", ")
}

fn name(item: Item<'_, '_>) -> String {
    let named = find(item, Tag::AttributeName).and_then(|name| name.text().ok());
    named.or(item.tag().text()).unwrap_or("an extension").to_owned()
}

/// What is further from now than this was recorded, not asked for.
const DAY: u64 = 86_400;
