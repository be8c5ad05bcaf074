//! Adjust Attribute: a value one more, one less, or the opposite, whatever it is now.

use strongroom_kmip::{
    attribute::{Attribute, Kind, Multiplicity, Standard, Vendor},
    code::{AdjustmentType, ResultReason},
    payload::{AdjustAttributeRequest, AdjustAttributeResponse},
    tag::Tag,
    ttlv::{self, Any, DateTime, DateTimeExtended, Interval, Limits, Tree, Value, Writer},
    version::EVERY,
};

use super::{
    alter::{self, Way},
    call::Call,
    contract::Perform,
    refusal::Refusal,
};
use crate::vault::{Action, Object};

impl Perform for AdjustAttributeRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<AdjustAttributeResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::Change)?;
        let kind = self.attribute_reference.0.clone();
        let way = |object: &Object| if object.attributes.get(&kind).is_some() { Way::Modify } else { Way::Add };
        let (version, time) = (call.version, call.vault.now());
        let seen = call.seen;
        alter::check((version, seen), time, &object, &kind, way(&object))?;
        adjusted(&object, &kind, &self)?;
        let set = |object: &mut Object| {
            // Asked of the object as it is claimed: two adjustments at the same time both count.
            alter::check((version, seen), time, object, &kind, way(object))?;
            let now = adjusted(object, &kind, &self)?;
            alter::tightens(object, &now)?;
            object.attributes.remove_all(&kind);
            object.attributes.put(now.clone());
            alter::consequences(time, object, &now)
        };
        call.edit(&id, Action::Change, set)?;
        call.placeholder = Some(id.clone());
        Ok(AdjustAttributeResponse { unique_identifier: id.as_str().into() })
    }
}

/// The attribute as it is to be.
fn adjusted(object: &Object, kind: &Kind, request: &AdjustAttributeRequest) -> Result<Attribute, Refusal> {
    let mut values = object.attributes.all(kind).map(|(_, attribute)| attribute);
    let current = values.next();
    if values.next().is_some() {
        return Err(Refusal::new(ResultReason::MultiValuedAttribute, format!("the object has several {kind}")));
    }
    let number = match current {
        Some(attribute) => Number::of(&value(attribute)).ok_or_else(|| no_number(kind))?,
        None => nothing(kind)?,
    };
    let by = request.adjustment_value.as_ref().map(|by| Number::of(by).ok_or_else(|| no_number(kind))).transpose()?;
    let new = number.adjusted(request.adjustment_type, by)?;
    read(kind, &new.any())
}

/// A value that can be adjusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Integer(i32),
    Long(i64),
    Interval(u32),
    Date(i64),
    Extended(i64),
    Boolean(bool),
}

impl Number {
    fn of(any: &Any) -> Option<Self> {
        match any.kind()? {
            ttlv::Kind::Integer => any.read_as().ok().map(Self::Integer),
            ttlv::Kind::LongInteger => any.read_as().ok().map(Self::Long),
            ttlv::Kind::Interval => any.read_as().ok().map(|Interval(seconds)| Self::Interval(seconds)),
            ttlv::Kind::DateTime => any.read_as().ok().map(|DateTime(seconds)| Self::Date(seconds)),
            ttlv::Kind::DateTimeExtended => any.read_as().ok().map(|DateTimeExtended(micros)| Self::Extended(micros)),
            ttlv::Kind::Boolean => any.read_as().ok().map(Self::Boolean),
            _ => None,
        }
    }

    fn any(self) -> Any {
        match self {
            Self::Integer(value) => Any::of(&value),
            Self::Long(value) => Any::of(&value),
            Self::Interval(value) => Any::of(&Interval(value)),
            Self::Date(value) => Any::of(&DateTime(value)),
            Self::Extended(value) => Any::of(&DateTimeExtended(value)),
            Self::Boolean(value) => Any::of(&value),
        }
    }

    /// By how much a value of another number's type is adjusted; nothing for what adds up to nothing.
    fn amount(self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(value.into()),
            Self::Interval(value) => Some(value.into()),
            Self::Long(value) | Self::Date(value) | Self::Extended(value) => Some(value),
            Self::Boolean(_) => None,
        }
    }

    /// The number after an adjustment (KMIP 2.1 §11.1 Adjustment Type): by one where the request does not say by how much.
    fn adjusted(self, how: AdjustmentType, by: Option<Self>) -> Result<Self, Refusal> {
        let odd = || Refusal::new(ResultReason::InvalidDataType, "the attribute cannot be adjusted so");
        let by = by.map_or(Some(1), Self::amount).ok_or_else(odd)?;
        let now = self.amount();
        let sum = match how {
            AdjustmentType::Increment => now.ok_or_else(odd)?.checked_add(by),
            AdjustmentType::Decrement => now.ok_or_else(odd)?.checked_sub(by),
            AdjustmentType::Negate => match self {
                Self::Boolean(value) => return Ok(Self::Boolean(!value)),
                Self::Integer(_) | Self::Long(_) => now.ok_or_else(odd)?.checked_neg(),
                Self::Interval(_) | Self::Date(_) | Self::Extended(_) => return Err(odd()),
            },
            _ => return Err(Refusal::invalid("there is no such Adjustment Type")),
        };
        let fitting = sum.and_then(|sum| match self {
            Self::Integer(_) => i32::try_from(sum).ok().map(Self::Integer),
            Self::Interval(_) => u32::try_from(sum).ok().map(Self::Interval),
            Self::Long(_) => Some(Self::Long(sum)),
            Self::Date(_) => Some(Self::Date(sum)),
            Self::Extended(_) => Some(Self::Extended(sum)),
            Self::Boolean(_) => None,
        });
        fitting.ok_or_else(|| Refusal::new(ResultReason::NumericRange, "the value would be out of its range"))
    }
}

/// What a missing attribute counts as: nought, or false. A missing date is no number.
fn nothing(kind: &Kind) -> Result<Number, Refusal> {
    let absent = || Refusal::new(ResultReason::AttributeNotFound, format!("the object has no {kind}"));
    let standard = kind.standard().ok_or_else(absent)?;
    if kind.multiplicity() == Multiplicity::Many {
        return Err(absent());
    }
    let zeros = [Number::Integer(0), Number::Long(0), Number::Interval(0), Number::Boolean(false)];
    zeros.into_iter().find(|zero| standing(standard, &zero.any()).is_some()).ok_or_else(absent)
}

/// The attribute of this value, unless it is a mask: its bits are no number.
fn standing(standard: Standard, any: &Any) -> Option<Attribute> {
    let mut to = Writer::new(EVERY);
    any.write(standard.tag(), &mut to);
    let bytes = to.into_bytes();
    let tree = Tree::read(&bytes, &Limits::default()).ok()?;
    let attribute = standard.read(tree.root()).ok()?;
    let mask = matches!(attribute, Attribute::CryptographicUsageMask(_) | Attribute::ProtectionStorageMask(_));
    (!mask).then_some(attribute)
}

fn read(kind: &Kind, any: &Any) -> Result<Attribute, Refusal> {
    match kind {
        Kind::Standard(standard) => standing(*standard, any).ok_or_else(|| no_number(kind)),
        Kind::Vendor { vendor, name } => {
            Ok(Attribute::Vendor(Vendor { vendor: vendor.clone(), name: name.clone(), value: any.clone() }))
        }
        Kind::Link(_) | Kind::Unknown(_) => Err(no_number(kind)),
    }
}

/// The value alone.
fn value(attribute: &Attribute) -> Any {
    Any::new(|to| attribute.write_value(Tag::AttributeValue, to))
}

fn no_number(kind: &Kind) -> Refusal {
    Refusal::new(ResultReason::InvalidDataType, format!("{kind} is not a value that can be adjusted"))
}
