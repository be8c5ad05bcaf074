//! SP 800-108: blocks of a pseudorandom function over fields in an order that the caller gives.

use strongroom_kmip::{mechanism::Block, secret::Secret};
use zeroize::Zeroizing;

use super::bytes::{LONGEST_DIGEST, UNFIT, bytes, cut, hmac, operand};
use super::cmac::Cmac;
use crate::slot::contract::{Error, Family, Kept, Shape};
use crate::slot::derivation::{End, Field, Function, Method, Number, Sum};

/// So many bytes of the chain.
pub(super) fn chain(
    base: &Kept,
    method: &Method,
    function: Function,
    fields: &[Field],
    length: usize,
) -> Result<Secret, Error> {
    check(method, fields)?;
    let block = match function {
        Function::Hmac(hash) => hash.length(),
        Function::Cmac => CMAC,
    };
    let blocks = length.div_ceil(block);
    let number = u64::try_from(blocks).map_err(|_| Error::Length)?;
    let totals = Totals { keys: bits(length)?, blocks: bits(blocks.checked_mul(block).ok_or(Error::Length)?)? };
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(LONGEST_DIGEST)));
    let mut link = match method {
        Method::Counter => None,
        Method::Feedback(start) => Some(Secret::copy_of(start)),
        // The second chain begins with the data, in their order.
        Method::Pipeline => Some(input(fields.iter().filter(|field| is_fixed(field)), None, 0, &totals)?),
    };
    for counter in 1..=number {
        if *method == Method::Pipeline {
            let last = link.as_ref().map_or(&[][..], Secret::reveal);
            link = Some(run(base, function, last)?);
        }
        let over = input(fields.iter(), link.as_ref(), counter, &totals)?;
        let made = run(base, function, over.reveal())?;
        out.extend_from_slice(made.reveal());
        if matches!(method, Method::Feedback(_)) {
            link = Some(made);
        }
    }
    cut(&Secret::copy_of(&out), length)
}

/// How many bits are derived, counted both ways.
struct Totals {
    keys: u64,
    blocks: u64,
}

/// Whether the fields make sense: the mandatory one is there, and none that may stand once stands twice.
fn check(method: &Method, fields: &[Field]) -> Result<(), Error> {
    let count = |wanted: fn(&Field) -> bool| fields.iter().filter(|field| wanted(field)).count();
    let iterations = count(|field| matches!(field, Field::Iteration(_)));
    let counters = count(|field| matches!(field, Field::Counter(_)));
    let lengths = count(|field| matches!(field, Field::Length(..)));
    // With a counter for its iteration, the method has no second one.
    let most = if *method == Method::Counter { 0 } else { 1 };
    if iterations == 1 && counters <= most && lengths <= 1 { Ok(()) } else { Err(Error::Parameter("data fields")) }
}

fn is_fixed(field: &Field) -> bool {
    matches!(field, Field::Data(_) | Field::Length(..))
}

/// The fields, one behind the other.
fn input<'f>(
    fields: impl Iterator<Item = &'f Field>,
    link: Option<&Secret>,
    counter: u64,
    totals: &Totals,
) -> Result<Secret, Error> {
    let mut whole = Zeroizing::new(Vec::new());
    for field in fields {
        match (field, link) {
            (Field::Iteration(_), Some(link)) => whole.extend_from_slice(link.reveal()),
            (Field::Iteration(form) | Field::Counter(form), _) => whole.extend(written(counter, *form)?),
            (Field::Length(form, Sum::Keys), _) => whole.extend(written(totals.keys, *form)?),
            (Field::Length(form, Sum::Blocks), _) => whole.extend(written(totals.blocks, *form)?),
            (Field::Length(form, Sum::Bits(bits)), _) => whole.extend(written(*bits, *form)?),
            (Field::Data(data), _) => whole.extend_from_slice(operand(data)?),
        }
    }
    Ok(Secret::new(std::mem::take(&mut *whole)))
}

/// A number in so many bytes, which must hold it: a counter that begins again would make the same block twice.
fn written(number: u64, form: Number) -> Result<Vec<u8>, Error> {
    let all = number.to_be_bytes();
    let unused = all.len().checked_sub(form.bytes).filter(|_| form.bytes > 0).ok_or(WIDTH)?;
    let (high, low) = all.split_at_checked(unused).ok_or(WIDTH)?;
    if high.iter().any(|byte| *byte != 0) {
        return Err(Error::Length);
    }
    let mut bytes = low.to_vec();
    if form.end == End::Little {
        bytes.reverse();
    }
    Ok(bytes)
}

fn bits(length: usize) -> Result<u64, Error> {
    length.checked_mul(8).and_then(|bits| u64::try_from(bits).ok()).ok_or(Error::Length)
}

fn run(base: &Kept, function: Function, over: &[u8]) -> Result<Secret, Error> {
    let key = bytes(base)?;
    match (function, base.shape) {
        (Function::Hmac(hash), _) => hmac(hash, key, &[over]),
        (Function::Cmac, Shape::Symmetric { family: Family::Aes, .. }) => {
            let mut cmac = Cmac::new(Block::Aes, key)?;
            cmac.add(over)?;
            cmac.end()
        }
        (Function::Cmac, _) => Err(UNFIT),
    }
}

/// Bytes of a block of CMAC with AES.
const CMAC: usize = 16;

const WIDTH: Error = Error::Parameter("width of a number");
