//! The generator behind NumPy's `RandomState`: MT19937 (Matsumoto and Nishimura, 1998), and the two
//! things that scikit-learn asks of it. Equal to NumPy's to the bit, which the folds lean on.

/// Words of state.
const WORDS: usize = 624;
/// How far away the word is that each one is mixed with.
const MIDDLE: usize = 397;
/// The generator's matrix.
const MATRIX: u32 = 0x9908_b0df;
/// Of the seeding.
const MULTIPLIER: u32 = 1_812_433_253;

/// `numpy.random.RandomState(seed)`.
pub struct RandomState {
    words: [u32; WORDS],
    /// The next word to hand out.
    next: usize,
}

impl RandomState {
    /// Seeded by one number.
    pub fn new(seed: u32) -> Self {
        let mut words = [seed; WORDS];
        let mut last = seed;
        for (number, word) in (1..).zip(&mut words[1..]) {
            last = MULTIPLIER.wrapping_mul(last ^ (last >> 30)).wrapping_add(number);
            *word = last;
        }
        Self { words, next: WORDS }
    }

    fn word(&mut self) -> u32 {
        if self.next == WORDS {
            self.renew();
        }
        let mut word = self.words[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn renew(&mut self) {
        for at in 0..WORDS {
            let following = self.words[(at + 1) % WORDS];
            let mixed = (self.words[at] & 0x8000_0000) | (following & 0x7fff_ffff);
            let twist = if mixed & 1 == 1 { MATRIX } else { 0 };
            self.words[at] = self.words[(at + MIDDLE) % WORDS] ^ (mixed >> 1) ^ twist;
        }
        self.next = 0;
    }

    /// A number from 0 to `largest`: draws until one is not above it, as NumPy does.
    fn up_to(&mut self, largest: u32) -> u32 {
        let mask = u32::MAX.checked_shr(largest.leading_zeros()).unwrap_or(0);
        loop {
            let drawn = self.word() & mask;
            if drawn <= largest {
                return drawn;
            }
        }
    }

    /// `RandomState.shuffle`.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            let other = self.up_to(u32::try_from(at).unwrap_or(u32::MAX));
            things.swap(at, other as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_numpys() {
        let words = |seed| {
            let mut random = RandomState::new(seed);
            [random.word(), random.word(), random.word()]
        };
        assert_eq!(words(0), [2_357_136_044, 2_546_248_239, 3_071_714_933]);
        assert_eq!(words(5489), [3_499_211_612, 581_869_302, 3_890_346_734]);
    }

    #[test]
    fn a_shuffle_is_numpys() {
        let mut things = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        RandomState::new(42).shuffle(&mut things);
        assert_eq!(things, [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
        RandomState::new(42).shuffle(&mut [0_u8; 0]);
    }
}
