//! Whether bytes are one whole UBJSON value.
//!
//! XGBoost 3.2 reads one that was cut off without noticing its end, and may never come back. Only
//! the structure is looked at, in the dialect that XGBoost writes: what the values mean is its own
//! affair.

/// Values within values; a model has eight.
const DEPTH: usize = 64;

/// Whether these bytes are one value, and no more.
pub fn is_whole(bytes: &[u8]) -> bool {
    let mut walk = Walk(bytes);
    walk.value(DEPTH).is_some() && walk.0.is_empty()
}

/// What is left to look at. Every step answers `None` where it is cut off or no UBJSON.
struct Walk<'a>(&'a [u8]);

impl Walk<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    /// Whether this byte is next; it is taken then.
    fn takes(&mut self, byte: u8) -> bool {
        let next = self.0.first() == Some(&byte);
        if next {
            self.0 = &self.0[1..];
        }
        next
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.byte()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'S' => self.text(),
            b'Z' | b'T' | b'F' => Some(()),
            number => self.skip(width(number)?),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        while !self.takes(b'}') {
            self.text()?;
            self.value(depth)?;
        }
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        if self.takes(b'$') {
            let width = width(self.byte()?)?;
            let count = self.takes(b'#').then(|| self.length())??;
            return self.skip(count.checked_mul(width)?);
        }
        if self.takes(b'#') {
            let count = self.length()?;
            // Each takes a byte at least, so the count is bounded by what is there.
            return (0..count).try_for_each(|_| self.value(depth));
        }
        while !self.takes(b']') {
            self.value(depth)?;
        }
        Some(())
    }

    fn text(&mut self) -> Option<()> {
        let length = self.length()?;
        self.skip(length)
    }

    fn length(&mut self) -> Option<usize> {
        let width = match self.byte()? {
            marker @ (b'i' | b'U' | b'I' | b'l' | b'L') => width(marker)?,
            _ => return None,
        };
        let digits = self.0.get(..width)?;
        self.skip(width)?;
        let number = digits.iter().fold(0_u64, |number, digit| number << 8 | u64::from(*digit));
        usize::try_from(number).ok()
    }
}

/// How many bytes a number of this type takes.
fn width(marker: u8) -> Option<usize> {
    match marker {
        b'i' | b'U' | b'C' => Some(1),
        b'I' => Some(2),
        b'l' | b'd' => Some(4),
        b'L' | b'D' => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `{"a": [1, 2], "b": {"c": "xy"}, "d": [null, true], "e": [1.0]}` in all forms of arrays.
    const WHOLE: &[u8] = b"{L\0\0\0\0\0\0\0\x01a[$l#L\0\0\0\0\0\0\0\x02\0\0\0\x01\0\0\0\x02\
        i\x01b{i\x01cSU\x02xy}I\0\x01d[#i\x02ZTl\0\0\0\x01e[d\0\0\0\0]}";

    #[test]
    fn only_all_of_a_value_is_whole() {
        assert!(is_whole(WHOLE));
        for end in 0..WHOLE.len() {
            assert!(!is_whole(&WHOLE[..end]), "{end}");
        }
        assert!(!is_whole(&[WHOLE, b"Z"].concat()));
    }

    #[test]
    fn what_promises_more_than_there_is_is_not() {
        for bytes in [
            &b"[$D#L\x7f\xff\xff\xff\xff\xff\xff\xff"[..],
            b"[#L\x7f\xff\xff\xff\xff\xff\xff\xffZZ",
            b"SL\xff\xff\xff\xff\xff\xff\xff\xff",
            &vec![b'['; 100_000],
        ] {
            assert!(!is_whole(bytes));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(
            prop_oneof![Just(b'['), Just(b'{'), Just(b'#'), Just(b'$'), Just(b'i'), any::<u8>()], 0..64,
        )) {
            is_whole(&bytes);
        }
    }
}
