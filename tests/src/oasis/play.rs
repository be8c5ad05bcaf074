//! Plays one case.

use strongroom_kmip::operation::SERVED;
use strongroom_kmip::print::{Secrets, pretty};
use strongroom_kmip::spoken::unspoken;
use strongroom_kmip::tag::Tag;
use strongroom_kmip::ttlv::{Item, Limits, Tree, Value};
use strongroom_kmip::version::{V3_0, Version};

use super::compare::{compare, delivered};
use super::memory::{self, Memory};
use super::objects::find;
use super::script::{Case, Step};
use super::world::World;

/// How a case has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every answer was the expected one.
    Pass,
    /// The first answer that was not.
    Fail(String),
    /// It was not played, or cannot pass for a reason of its own.
    Skip(String),
}

/// Plays a case from the state in which the world is. Messages go to `watch` as they are sent and received.
pub fn play(case: &Case, world: &mut World, watch: &mut dyn FnMut(&str)) -> Verdict {
    if let Some(reason) = unserved(case) {
        return Verdict::Skip(reason);
    }
    if !case.sound {
        return Verdict::Fail("its requests and answers do not come in turn".to_owned());
    }
    if let Err(why) = world.open(&case.name) {
        return Verdict::Fail(why);
    }
    let mut memory = Memory::default();
    for (number, step) in (1..).zip(&case.steps) {
        if let Err(difference) = take(step, world, &mut memory, watch) {
            return Verdict::Fail(format!("step {number}: {difference}"));
        }
    }
    Verdict::Pass
}

/// What a case asks for that is not served.
#[must_use]
pub fn unserved(case: &Case) -> Option<String> {
    let (operations, version) = case.asks();
    if let Some(version) = version.filter(|&version| version > NEWEST) {
        return Some(format!("KMIP {version} is not served"));
    }
    let mut missing: Vec<String> = Vec::new();
    for operation in operations {
        let name = match operation {
            Ok(operation) if SERVED.contains(&operation) => continue,
            Ok(operation) => operation.to_string(),
            Err(name) => name,
        };
        if !missing.contains(&name) {
            missing.push(name);
        }
    }
    (!missing.is_empty()).then(|| format!("{} not served", missing.join(", ")))
}

pub(super) fn take(
    step: &Step,
    world: &mut World,
    memory: &mut Memory,
    watch: &mut dyn FnMut(&str),
) -> Result<(), String> {
    if step.is_delivery() {
        return receive(step, world, memory, watch);
    }
    let request = memory.request(&step.request)?;
    let request_tree = Tree::read(&request, &Limits::default()).map_err(|error| error.to_string())?;
    watch(&pretty(request_tree.root(), Secrets::Shown));
    let came = world.exchange(&request)?;
    let came_tree = Tree::read(&came, &Limits::default()).map_err(|error| error.to_string())?;
    watch(&pretty(came_tree.root(), Secrets::Shown));
    let spoken = version(request_tree.root()).and_then(|version| unspoken(came_tree.root(), version));
    if let Some(what) = spoken {
        return Err(format!("answered with {what}, which the version of the request does not know"));
    }
    let expected = memory.expected(&step.answer)?;
    let expected_tree = Tree::read(&expected, &Limits::default()).map_err(|error| error.to_string())?;
    world.objects.learn(request_tree.root(), came_tree.root());
    compare(request_tree.root(), expected_tree.root(), came_tree.root(), memory, &world.objects)
        .map_err(|difference| difference.to_string())
}

/// A step in which the server asks: lets it, holds what comes against the case's request, and gives the case's answer.
fn receive(step: &Step, world: &World, memory: &mut Memory, watch: &mut dyn FnMut(&str)) -> Result<(), String> {
    let answer = memory.request(&step.answer)?;
    let expected = memory.expected(&step.request)?;
    let expected_tree = Tree::read(&expected, &Limits::default()).map_err(|error| error.to_string())?;
    let variable = named(expected_tree.root()).and_then(Memory::variable).ok_or("it names no object of the case")?;
    let Some(memory::Value::Text(object)) = memory.value(variable).cloned() else {
        return Err(format!("no answer has shown ${variable}"));
    };
    let delivery = world.push(&object)?;
    let came_tree = Tree::read(&delivery.message, &Limits::default()).map_err(|error| error.to_string())?;
    watch(&pretty(came_tree.root(), Secrets::Shown));
    let difference = delivered(expected_tree.root(), came_tree.root(), memory, &world.objects);
    delivery.answer(&answer)?;
    difference.map_err(|difference| difference.to_string())
}

/// The Unique Identifier that a request of one item is about.
fn named<'t, 'a>(request: Item<'t, 'a>) -> Option<Item<'t, 'a>> {
    find(find(find(request, Tag::BatchItem)?, Tag::RequestPayload)?, Tag::UniqueIdentifier)
}

fn version(request: Item<'_, '_>) -> Option<Version> {
    let header = find(request, Tag::RequestHeader)?;
    Version::read(find(header, Tag::ProtocolVersion)?).ok()
}

/// The newest version that is served.
const NEWEST: Version = V3_0;
