//! Times as signatures write them: `yyyymmddThhmmssZ`.

use http::{HeaderMap, header::DATE};
use time::{Date, Month, OffsetDateTime, Time, format_description::well_known::Rfc2822};
use types::Timestamp;

use super::AMZ_DATE;

/// Characters of `yyyymmddThhmmssZ`, and of the day in it.
const LENGTH: usize = 16;
const DAY: usize = 8;

/// Reads `yyyymmddThhmmssZ`.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text: &[u8; LENGTH] = text.as_bytes().try_into().ok()?;
    if (text[DAY], text[LENGTH - 1]) != (b'T', b'Z') {
        return None;
    }
    let number = |place: usize| match [text[place], text[place + 1]] {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(10 * (tens - b'0') + (ones - b'0')),
        _ => None,
    };
    let year = 100 * i32::from(number(0)?) + i32::from(number(2)?);
    let month = Month::try_from(number(4)?).ok()?;
    let date = Date::from_calendar_date(year, month, number(6)?).ok()?;
    let time = Time::from_hms(number(9)?, number(11)?, number(13)?).ok()?;
    Some(from(date.with_time(time).assume_utc()))
}

/// When a request with an `Authorization` header was signed: `x-amz-date`, else `date`.
pub fn of(headers: &HeaderMap) -> Option<Timestamp> {
    let (text, dated) = match headers.get(&AMZ_DATE) {
        Some(value) => (value.to_str().ok()?, false),
        None => (headers.get(DATE)?.to_str().ok()?, true),
    };
    parse(text).or_else(|| dated.then(|| rfc(text)).flatten())
}

fn rfc(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc2822).ok().map(from)
}

fn from(at: OffsetDateTime) -> Timestamp {
    Timestamp::from_micros(at.unix_timestamp().saturating_mul(1_000_000))
}

/// A moment as `yyyymmddThhmmssZ`.
#[derive(Clone, Copy, Debug)]
pub struct Text([u8; LENGTH]);

impl Text {
    /// Years beyond what AWS can write become 1970.
    pub fn of(at: Timestamp) -> Self {
        let seconds = at.micros().div_euclid(1_000_000);
        let at = OffsetDateTime::from_unix_timestamp(seconds)
            .ok()
            .filter(|at| (0..10_000).contains(&at.year()))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut text = *b"00000000T000000Z";
        for (place, number) in [
            (0, at.year().unsigned_abs() / 100),
            (2, at.year().unsigned_abs() % 100),
            (4, u8::from(at.month()).into()),
            (6, at.day().into()),
            (9, at.hour().into()),
            (11, at.minute().into()),
            (13, at.second().into()),
        ] {
            text[place] += u8::try_from(number / 10).unwrap_or(0);
            text[place + 1] += u8::try_from(number % 10).unwrap_or(0);
        }
        Self(text)
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// `yyyymmdd`.
    pub fn day(&self) -> &str {
        self.as_str().get(..DAY).unwrap_or_default()
    }
}

/// Writes `yyyymmddThhmmssZ`.
pub fn write(at: Timestamp) -> String {
    Text::of(at).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_being_written() {
        let at = parse("20150830T123600Z").unwrap();
        assert_eq!(write(at), "20150830T123600Z");
        assert_eq!(parse("20150830T123600"), None);
        assert_eq!(parse("2015-08-30T12:36:00Z"), None);
        for wrong in
            ["20150230T123600Z", "20151330T123600Z", "20150830T243600Z", "2015083xT123600Z"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_year_that_cannot_be_written_is_1970() {
        for seconds in [i64::MAX, i64::MIN, 253_402_300_800_000_000] {
            assert_eq!(write(Timestamp::from_micros(seconds)), "19700101T000000Z");
        }
    }

    #[test]
    fn the_date_header_counts_where_x_amz_date_is_missing() {
        let mut headers = HeaderMap::new();
        assert_eq!(of(&headers), None);
        headers.insert("date", "Sun, 30 Aug 2015 12:36:00 GMT".parse().unwrap());
        assert_eq!(of(&headers), parse("20150830T123600Z"));
        headers.insert("x-amz-date", "yesterday".parse().unwrap());
        assert_eq!(of(&headers), None);
    }
}
