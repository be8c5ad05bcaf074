//! Dates as ISO 8601 writes them (Additional Message Encodings §6.1.6.11).

use time::{Date, Month, OffsetDateTime};

/// A point in time: whole seconds since 1970, and the microseconds beyond them.
pub(super) type Moment = (i64, u32);

/// Reads `yyyy-mm-ddThh:mm:ss`, with a fraction or not, with a zone or not (then it is UTC).
pub(super) fn parse(text: &str) -> Option<Moment> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (date, time) = text.split_once('T')?;
    let (clock, zone) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, rest)| (clock, Some(rest)));

    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let year = i32::try_from(year).ok()?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let seconds = Date::from_calendar_date(if negative { year.checked_neg()? } else { year }, month, small(day)?)
        .ok()?
        .with_hms(small(hour)?, small(minute)?, small(second)?)
        .ok()?
        .assume_utc()
        .unix_timestamp();
    Some((seconds.checked_sub(offset(zone)?)?, fraction.map_or(Some(0), microseconds)?))
}

/// Writes whole seconds, in UTC; nothing for years that four digits do not hold.
pub(super) fn seconds(value: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(value).ok().map(|moment| format!("{}+00:00", clock(moment)))
}

/// Writes microseconds, in UTC; nothing for years that four digits do not hold.
pub(super) fn extended(value: i64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(value.div_euclid(MILLION)).ok()?;
    Some(format!("{}.{:06}+00:00", clock(moment), value.rem_euclid(MILLION)))
}

fn clock(moment: OffsetDateTime) -> String {
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    let sign = if year < 0 { "-" } else { "" };
    format!("{sign}{:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", year.unsigned_abs(), u8::from(month))
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(separator);
    let mut all = [0; 3];
    for (place, width) in all.iter_mut().zip(widths) {
        *place = digits(parts.next()?, width)?;
    }
    parts.next().is_none().then_some(all)
}

fn digits(text: &str, width: usize) -> Option<u32> {
    let sound = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    if sound { text.parse().ok() } else { None }
}

fn microseconds(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let six: String = fraction.chars().chain("00000".chars()).take(6).collect();
    six.parse().ok()
}

fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.as_bytes().first() {
        None => return Some(0),
        Some(b'Z') => return (zone.len() == 1).then_some(0),
        Some(b'-') => (-1, zone.get(1..)?),
        Some(_) => (1, zone.get(1..)?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let sound = minutes < 60 && (hours < 14 || (hours == 14 && minutes == 0));
    sound.then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn small(number: u32) -> Option<u8> {
    u8::try_from(number).ok()
}

const MILLION: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_the_standard_writes_them() {
        let cases: [(&str, Moment); 8] = [
            ("1970-01-01T00:00:00Z", (0, 0)),
            ("1970-01-01T00:00:00", (0, 0)),
            ("2001-01-01T10:00:00+10:00", (978_307_200, 0)),
            ("2013-06-26T09:09:17+00:00", (1_372_237_757, 0)),
            ("2001-01-01T00:00:00.5-01:00", (978_310_800, 500_000)),
            ("2001-01-01T00:00:00.123456789Z", (978_307_200, 123_456)),
            ("1969-12-31T23:59:59Z", (-1, 0)),
            ("-0001-01-01T00:00:00Z", (-62_198_755_200, 0)),
        ];
        for (text, moment) in cases {
            assert_eq!(parse(text), Some(moment), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let cases = [
            ("empty", ""),
            ("no time", "2001-01-01"),
            ("thirteenth month", "2001-13-01T00:00:00Z"),
            ("thirtieth of February", "2001-02-30T00:00:00Z"),
            ("twenty-fifth hour", "2001-01-01T25:00:00Z"),
            ("short year", "201-01-01T00:00:00Z"),
            ("sign inside", "2001-+1-01T00:00:00Z"),
            ("empty fraction", "2001-01-01T00:00:00.Z"),
            ("zone out of range", "2001-01-01T00:00:00+15:00"),
            ("zone without minutes", "2001-01-01T00:00:00+01"),
            ("something behind", "2001-01-01T00:00:00Zulu"),
            ("not ASCII", "2001-01-01T00:00:0٠Z"),
        ];
        for (name, text) in cases {
            assert_eq!(parse(text), None, "{name}");
        }
    }

    #[test]
    fn a_written_date_reads_back() {
        for value in [0, -1, 1_372_237_757, -62_198_755_200, 253_402_300_799] {
            assert_eq!(seconds(value).as_deref().and_then(parse), Some((value, 0)));
        }
        assert_eq!(extended(-1).as_deref().and_then(parse), Some((-1, 999_999)));
        assert_eq!(seconds(i64::MAX), None);
    }
}
