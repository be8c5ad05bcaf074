//! Whether an answer is the one that a case expects.

use strongroom_kmip::code::Operation;
use strongroom_kmip::tag::Tag;
use strongroom_kmip::ttlv::{Item, Kind};

use super::difference::Difference;
use super::leaf::{leaf, near};
use super::memory::{Memory, Value};
use super::objects::{Objects, find};
use super::query;
use super::variation::{IMPLICIT, Scope, optional, tolerated};

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

/// Compares messages in which the server asks.
pub(super) fn delivered(
    expected: Item<'_, '_>,
    came: Item<'_, '_>,
    memory: &mut Memory,
    objects: &Objects,
) -> Result<(), Difference> {
    let parts = [expected, came].map(|message| find(message, Tag::RequestHeader));
    let [Some(head), Some(came_head)] = parts else { return Err(Difference::new("a header", "none")) };
    header(head, came_head, memory).map_err(|difference| difference.within("header"))?;
    let items = [expected, came].map(|message| find(message, Tag::BatchItem));
    let [Some(wanted), Some(got)] = items else { return Err(Difference::new("an item", "none")) };
    let scope = Scope::of(got, got, objects);
    match [wanted, got].map(|item| (find(item, Tag::Operation), find(item, Tag::RequestPayload))) {
        [(Some(asks), Some(wanted)), (Some(asked), Some(got))] => {
            same(asks, asked, None, memory)?;
            // Attributes come in any order, and others beside them.
            set(wanted, got, &scope, memory)
        }
        _ => Err(Difference::new("an operation and its payload", "none")),
    }
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

#[cfg(test)]
mod tests {
    use strongroom_kmip::ttlv::{Limits, Tree};
    use strongroom_kmip::xml;

    use super::*;

    const KEY: &str = r#"<UniqueIdentifier type="TextString" value="k"/>"#;

    fn request(operation: &str, payload: &str) -> String {
        format!(
            r#"<RequestMessage><BatchItem><Operation type="Enumeration" value="{operation}"/>
            <RequestPayload>{payload}</RequestPayload></BatchItem></RequestMessage>"#
        )
    }

    fn answer(operation: &str, status: &str, rest: &str) -> String {
        format!(
            r#"<ResponseMessage><ResponseHeader/><BatchItem><Operation type="Enumeration" value="{operation}"/>
            <ResultStatus type="Enumeration" value="{status}"/>{rest}</BatchItem></ResponseMessage>"#
        )
    }

    fn payload(operation: &str, payload: &str) -> String {
        answer(operation, "Success", &format!("<ResponsePayload>{payload}</ResponsePayload>"))
    }

    fn fits(
        memory: &mut Memory,
        objects: &mut Objects,
        request: &str,
        expected: &str,
        came: &str,
    ) -> Result<(), String> {
        let read = |text: &str| xml::read(text, &Limits::default()).expect("the test writes sound XML");
        let request = memory.request(request).expect("every variable is known");
        let (expected, came) = (memory.expected(expected).expect("the test writes sound XML"), read(came));
        let trees =
            [&request, &expected, &came].map(|bytes| Tree::read(bytes, &Limits::default()).expect("it was written"));
        let [request, expected, came] = trees.each_ref().map(Tree::root);
        objects.learn(request, came);
        compare(request, expected, came, memory, objects).map_err(|difference| difference.to_string())
    }

    fn alone(request: &str, expected: &str, came: &str) -> Result<(), String> {
        fits(&mut Memory::default(), &mut Objects::default(), request, expected, came)
    }

    #[test]
    fn what_may_differ_does_and_nothing_else() {
        let state = |state: &str| format!(r#"<State type="Enumeration" value="{state}"/>"#);
        let name = r#"<ContactInformation type="TextString" value="Joe"/>"#;
        let attributes =
            |attributes: &str| payload("GetAttributes", &format!("{KEY}<Attributes>{attributes}</Attributes>"));
        let all = request("GetAttributes", KEY);
        let one = request("GetAttributes", &format!(r#"{KEY}<AttributeReference type="Enumeration" value="State"/>"#));
        let active = state("Active");
        let failure = |reason: &str, message: &str| {
            let message = format!(r#"<ResultMessage type="TextString" value="{message}"/>"#);
            answer(
                "Get",
                "OperationFailed",
                &format!(r#"<ResultReason type="Enumeration" value="{reason}"/>{message}"#),
            )
        };
        let get = request("Get", KEY);
        let rows = [
            ("the same", &all, attributes(&active), attributes(&active), true),
            ("another value", &all, attributes(&active), attributes(&state("PreActive")), false),
            (
                "another order",
                &all,
                attributes(&format!("{active}{name}")),
                attributes(&format!("{name}{active}")),
                true,
            ),
            ("one more", &all, attributes(&active), attributes(&format!("{active}{name}")), true),
            (
                "one more that nobody asked for",
                &one,
                attributes(&active),
                attributes(&format!("{active}{name}")),
                false,
            ),
            ("one less", &all, attributes(&format!("{active}{name}")), attributes(&active), false),
            ("another message", &get, failure("Sensitive", "a"), failure("Sensitive", "b"), true),
            ("another reason", &get, failure("Sensitive", "a"), failure("NotExtractable", "a"), false),
            ("success", &get, failure("Sensitive", "a"), payload("Get", KEY), false),
            ("another operation", &get, payload("Get", KEY), payload("Destroy", KEY), false),
        ];
        for (row, request, expected, came, same) in rows {
            let outcome = alone(request, &expected, &came);
            assert_eq!(outcome.is_ok(), same, "{row}: {outcome:?}");
        }
    }

    #[test]
    fn a_variable_is_one_value_throughout() {
        let (mut memory, mut objects) = (Memory::default(), Objects::default());
        let asked = request("Destroy", KEY);
        let expected = payload("Destroy", r#"<UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>"#);
        let came = |id: &str| payload("Destroy", &format!(r#"<UniqueIdentifier type="TextString" value="{id}"/>"#));
        assert_eq!(fits(&mut memory, &mut objects, &asked, &expected, &came("k")), Ok(()));
        assert_eq!(fits(&mut memory, &mut objects, &asked, &expected, &came("k")), Ok(()));
        assert!(fits(&mut memory, &mut objects, &asked, &expected, &came("l")).is_err());
    }

    #[test]
    fn only_a_key_that_the_server_made_encrypts_to_what_nobody_could_know() {
        let encrypt = request("Encrypt", &format!(r#"{KEY}<Data type="ByteString" value="0102"/>"#));
        let data = |data: &str| payload("Encrypt", &format!(r#"{KEY}<Data type="ByteString" value="{data}"/>"#));
        assert!(alone(&encrypt, &data("aaaa"), &data("bbbb")).is_err(), "a registered key");

        let (mut memory, mut objects) = (Memory::default(), Objects::default());
        let create = request("Create", "");
        assert_eq!(fits(&mut memory, &mut objects, &create, &payload("Create", KEY), &payload("Create", KEY)), Ok(()));
        let mut encrypts = |came: &str| fits(&mut memory, &mut objects, &encrypt, &data("aaaa"), &data(came));
        assert!(encrypts("bb").is_err(), "another length");
        assert_eq!(encrypts("bbbb"), Ok(()));
        assert!(encrypts("cccc").is_err(), "not the same a second time");
    }

    #[test]
    fn a_recorded_date_means_now_and_a_date_that_was_asked_for_means_itself() {
        let date = |date: &str| {
            let date = format!(r#"<ActivationDate type="DateTime" value="{date}"/>"#);
            payload("GetAttributes", &format!("{KEY}<Attributes>{date}</Attributes>"))
        };
        let now = |memory: &Memory| date(&format!("0x{:016x}", memory.now()));
        let (mut memory, mut objects) = (Memory::default(), Objects::default());
        let get = request("GetAttributes", KEY);
        memory.request(&get).expect("there is nothing to fill");
        let long_ago = date("2013-01-10T23:33:21+00:00");
        let today = now(&memory);
        assert_eq!(fits(&mut memory, &mut objects, &get, &long_ago, &today), Ok(()));
        assert!(fits(&mut memory, &mut objects, &get, &long_ago, &long_ago).is_err());
        let set = r#"<ActivationDate type="DateTime" value="2013-01-10T23:33:21+00:00"/>"#;
        memory.request(&request("Register", set)).expect("there is nothing to fill");
        assert_eq!(fits(&mut memory, &mut objects, &get, &long_ago, &long_ago), Ok(()));
        assert!(fits(&mut memory, &mut objects, &get, &long_ago, &today).is_err());
    }
}
