//! Values made from a stream of numbers, so that a property test can have any call there is.

use crate::{
    attribute::{Attribute, AttributeType, Reveal, Shape, Value},
    value::{Bytes, Output, Room, Version, Wiped},
};

/// A stream of numbers (splitmix64): the same seed gives the same values.
pub(crate) struct Source {
    state: u64,
    depth: usize,
}

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, depth: 0 }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(20)).map(|_| self.next() as u8).collect()
    }
}

/// A value from a stream of numbers.
pub(crate) trait Sample: Sized {
    fn sample(source: &mut Source) -> Self;
}

macro_rules! samples {
    ($($kind:ty: |$source:ident| $make:expr;)*) => {
        $(impl Sample for $kind { fn sample($source: &mut Source) -> Self { $make } })*
    };
}

samples! {
    bool: |source| source.below(2) == 1;
    u32: |source| source.next() as u32;
    u64: |source| source.next();
    Wiped: |source| Wiped::new(source.bytes());
    Bytes: |source| Bytes(source.bytes());
    Version: |source| Version { major: source.next() as u8, minor: source.next() as u8 };
    Room: |source| if source.below(3) == 0 { Room::Query } else { Room::Bytes(source.next() as u32) };
    Output: |source| match source.below(2) { 0 => Output::Length(source.next() as u32), _ => Output::Bytes(Wiped::sample(source)) };
    Reveal: |source| match source.below(4) {
        0 => Reveal::Sensitive,
        1 => Reveal::Invalid,
        2 => Reveal::Length(source.next() as u32),
        _ => Reveal::Value(Attribute::sample(source)),
    };
    Attribute: |source| {
        let mut kind = AttributeType::sample(source);
        if kind.shape() == Shape::Template && source.depth + 1 >= crate::codec::DEEPEST { kind = AttributeType::LABEL }
        source.depth += 1;
        let value = match kind.shape() {
            Shape::Bool => Value::Bool(bool::sample(source)),
            Shape::Ulong => Value::Ulong(source.next()),
            Shape::Bytes => Value::Bytes(Wiped::sample(source)),
            Shape::Date => Value::Date(Option::sample(source)),
            Shape::Template => Value::Template(Vec::sample(source)),
            Shape::Ulongs => Value::Ulongs(Vec::sample(source)),
        };
        source.depth -= 1;
        Attribute { kind, value }
    };
}

impl<const N: usize> Sample for [u8; N] {
    fn sample(source: &mut Source) -> Self {
        core::array::from_fn(|_| source.next() as u8)
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(source: &mut Source) -> Self {
        (source.below(3) > 0).then(|| T::sample(source))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(source: &mut Source) -> Self {
        (0..source.below(5)).map(|_| T::sample(source)).collect()
    }
}

#[cfg(test)]
mod laws {
    use proptest::prelude::*;

    use super::*;
    use crate::{Function, Rv, call, call::Request, codec};

    fn again(request: &Request) -> Vec<u8> {
        let mut bytes = Vec::new();
        request.write(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_written_is_read(seed: u64) {
            for (function, ask, back) in call::rows::samples(&mut Source::new(seed)) {
                let frame = codec::cut(&ask).unwrap().unwrap();
                prop_assert_eq!((u64::from(frame.head), frame.taken), (function.0, ask.len()));
                let request = Request::read(function, frame.body).unwrap();
                prop_assert_eq!(request.function(), function);
                prop_assert_eq!(again(&request), ask, "{}", function);
                let frame = codec::cut(&back).unwrap().unwrap();
                prop_assert_eq!(call::rows::answer_again(function, Rv::OK, frame.body).unwrap(), back, "{}", function);
            }
        }

        #[test]
        fn a_body_cut_short_or_drawn_out_is_an_error(seed: u64) {
            for (function, ask, back) in call::rows::samples(&mut Source::new(seed)) {
                let body = codec::cut(&ask).unwrap().unwrap().body;
                for length in 0..body.len() {
                    prop_assert!(Request::read(function, &body[..length]).is_err(), "{} cut to {}", function, length);
                }
                let mut longer = body.to_vec();
                longer.push(0);
                prop_assert_eq!(Request::read(function, &longer).err(), Some(codec::Error::Trailing(1)));
                let body = codec::cut(&back).unwrap().unwrap().body;
                for length in 0..body.len() {
                    let read = call::rows::answer_again(function, Rv::OK, &body[..length]);
                    prop_assert!(read.is_err(), "{} cut to {}", function, length);
                }
            }
        }

        #[test]
        fn any_byte_may_be_wrong_and_nothing_panics(seed: u64, place: proptest::sample::Index, value: u8) {
            for (function, ask, back) in call::rows::samples(&mut Source::new(seed)) {
                for mut bytes in [ask, back] {
                    let place = place.index(bytes.len());
                    bytes[place] = value;
                    if let Ok(Some(frame)) = codec::cut(&bytes) {
                        let _ = Request::read(function, frame.body);
                        let _ = call::rows::answer_again(function, Rv::OK, frame.body);
                    }
                }
            }
        }

        #[test]
        fn bytes_that_are_a_request_are_written_as_they_were(number in 0u64..110, body: Vec<u8>) {
            if let Ok(request) = Request::read(Function(number), &body) {
                let again = again(&request);
                prop_assert_eq!(&again[8..], &body);
            }
        }
    }

    #[test]
    fn a_function_that_is_no_call_is_refused_by_number() {
        for function in [Function::GetFunctionList, Function(0), Function(9999)] {
            assert_eq!(Request::read(function, &[]).err(), Some(codec::Error::Function(function.0)));
        }
    }

    #[test]
    fn a_refusal_never_says_ok() {
        let mut bytes = Vec::new();
        call::write_refusal(Rv::OK, &mut bytes);
        assert_eq!(codec::cut(&bytes).unwrap().unwrap().head, 5);
    }

    #[test]
    fn a_sign_request_has_these_bytes() {
        let mut bytes = Vec::new();
        let sign = call::request::Sign { session: 7, data: Wiped::from(&b"abc"[..]), room: Room::Bytes(64) };
        call::write_request(&sign, &mut bytes).unwrap();
        let expected = [
            &[0, 0, 0, 24][..],
            &[0, 0, 0, 44],
            &[0, 0, 0, 0, 0, 0, 0, 7],
            &[0, 0, 0, 3, b'a', b'b', b'c'],
            &[1, 0, 0, 0, 64],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn a_request_prints_no_payload() {
        let login = call::request::Login {
            session: 1,
            user: crate::number::UserType::USER,
            pin: Some(Wiped::from(&b"1234"[..])),
        };
        assert_eq!(format!("{login:?}"), "Login { session: 1, user: CKU_USER, pin: Some(Wiped(4 bytes)) }");
    }
}
