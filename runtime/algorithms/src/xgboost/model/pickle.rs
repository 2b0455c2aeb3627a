//! A Python pickle of `xgboost.core.Booster`, as containers up to 1.2 wrote them.
//!
//! By the instructions that Python's `pickletools` explains, those that CPython chooses. Left out is
//! what a reader needs only for values that are used twice (the memo), of which there are none, and
//! what lets it read ahead (frames): `pickletools.optimize` leaves them out as well.

use super::{super::era::Era, document::Document, serialized};

/// The first protocol with classes named on the stack and short texts.
const SHORT_TEXTS: u8 = 4;
/// How many items Python appends at a time.
const BATCH: usize = 1000;

/// A model as a version's container pickled it: an object of the class, made without arguments, and
/// its members, in the order in which the version set them.
pub(super) fn encode(model: &Document, era: Era, protocol: u8) -> Vec<u8> {
    let mut pickle = Pickle { bytes: vec![0x80, protocol], protocol };
    pickle.global("xgboost.core", "Booster");
    pickle.bytes.extend(b")\x81}(");
    if era < Era::V1_2 {
        columns(&mut pickle, model);
    }
    pickle.text("handle");
    pickle.byte_array(&serialized::encode(model, era));
    if era > Era::V0_72 {
        pickle.text("booster");
        pickle.text(&model.booster);
    }
    if era >= Era::V1_2 {
        columns(&mut pickle, model);
    }
    best(&mut pickle, model);
    pickle.bytes.extend(b"ub.");
    pickle.bytes
}

/// The names that columns without one have, and no types.
fn columns(pickle: &mut Pickle, model: &Document) {
    pickle.text("feature_names");
    pickle.names(model.features);
    pickle.text("feature_types");
    pickle.bytes.push(b'N');
}

fn best(pickle: &mut Pickle, model: &Document) {
    if let Some(score) = model.best_score() {
        pickle.text("best_score");
        pickle.float(score);
    }
    pickle.text("best_iteration");
    pickle.integer(model.best_round());
    pickle.text("best_ntree_limit");
    pickle.integer(model.best_trees());
}

/// A pickle being written.
struct Pickle {
    bytes: Vec<u8>,
    protocol: u8,
}

impl Pickle {
    fn global(&mut self, module: &str, name: &str) {
        if self.protocol < SHORT_TEXTS {
            self.bytes.extend(format!("c{module}\n{name}\n").bytes());
        } else {
            self.text(module);
            self.text(name);
            self.bytes.push(0x93);
        }
    }

    fn text(&mut self, text: &str) {
        match u8::try_from(text.len()) {
            Ok(length) if self.protocol >= SHORT_TEXTS => self.bytes.extend([0x8c, length]),
            _ => {
                self.bytes.push(b'X');
                self.length(text.len());
            }
        }
        self.bytes.extend(text.bytes());
    }

    /// A call of the class with one argument. Protocol 3 cannot hold more than 4 GiB: there the
    /// instruction is one of protocol 4, which every Python that reads the one reads, too.
    fn byte_array(&mut self, bytes: &[u8]) {
        self.global("builtins", "bytearray");
        match (u8::try_from(bytes.len()), u32::try_from(bytes.len())) {
            (Ok(length), _) => self.bytes.extend([b'C', length]),
            (_, Ok(_)) => {
                self.bytes.push(b'B');
                self.length(bytes.len());
            }
            _ => {
                self.bytes.push(0x8e);
                self.bytes.extend((bytes.len() as u64).to_le_bytes());
            }
        }
        self.bytes.extend(bytes);
        self.bytes.extend(b"\x85R");
    }

    /// 32 bits: the lower half of a length that fits.
    fn length(&mut self, length: usize) {
        self.bytes.extend(&(length as u64).to_le_bytes()[..size_of::<u32>()]);
    }

    /// Counts of rounds and trees, for which the library has 31 bits.
    fn integer(&mut self, value: u32) {
        match (u8::try_from(value), u16::try_from(value)) {
            (Ok(byte), _) => self.bytes.extend([b'K', byte]),
            (_, Ok(half)) => {
                self.bytes.push(b'M');
                self.bytes.extend(half.to_le_bytes());
            }
            _ => {
                self.bytes.push(b'J');
                self.bytes.extend(value.to_le_bytes());
            }
        }
    }

    fn float(&mut self, value: f64) {
        self.bytes.push(b'G');
        self.bytes.extend(value.to_be_bytes());
    }

    /// `f0`, `f1` and so on.
    fn names(&mut self, features: u32) {
        self.bytes.push(b']');
        if features == 1 {
            self.text("f0");
            self.bytes.push(b'a');
            return;
        }
        for start in (0..features).step_by(BATCH) {
            self.bytes.push(b'(');
            for feature in (start..features).take(BATCH) {
                self.text(&format!("f{feature}"));
            }
            self.bytes.push(b'e');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::binary::tests::{stump, stump_of_0_72},
        *,
    };

    #[test]
    fn a_model_of_0_72_is_pickled_by_its_own_source_and_protocol_3() {
        let expected = [
            &b"\x80\x03cxgboost.core\nBooster\n)\x81}(X\x0d\0\0\0feature_names]("[..],
            b"X\x02\0\0\0f0X\x02\0\0\0f1eX\x0d\0\0\0feature_typesNX\x06\0\0\0handle",
            b"cbuiltins\nbytearray\nB\x4c\x02\0\0",
            &stump_of_0_72(),
            b"\x85RX\x0e\0\0\0best_iterationK\0X\x10\0\0\0best_ntree_limitK\x01ub.",
        ]
        .concat();
        let told = encode(&stump(), Era::V0_72, 3);
        assert!(told == expected, "{}", told.escape_ascii());
    }

    #[test]
    fn a_model_that_was_stopped_early_says_where_and_how_good_it_was() {
        let noted = [("best_iteration", "299"), ("best_score", "0.5")];
        let noted = noted.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let stopped = Document { attributes: noted.into(), parallel_trees: 300, ..stump() };
        let told = encode(&stopped, Era::V1_2, 4);
        let end = b"\x8c\x0abest_scoreG\x3f\xe0\0\0\0\0\0\0\x8c\x0ebest_iterationM\x2b\x01\
            \x8c\x10best_ntree_limitJ\x90\x5f\x01\0ub.";
        assert!(told.ends_with(end), "{}", told.escape_ascii());
    }

    #[test]
    fn names_of_columns_are_appended_as_python_appends_them() {
        let names = |features| {
            let mut pickle = Pickle { bytes: Vec::new(), protocol: 4 };
            pickle.names(features);
            pickle.bytes
        };
        assert_eq!(names(1), b"]\x8c\x02f0a");
        assert_eq!(names(2), b"](\x8c\x02f0\x8c\x02f1e");
        assert!(names(1001).ends_with(b"\x8c\x04f999e(\x8c\x05f1000e"));
    }
}
