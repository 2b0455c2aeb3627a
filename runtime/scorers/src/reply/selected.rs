//! Replies that hold what `SAGEMAKER_INFERENCE_OUTPUT` asks for.
//!
//! What an objective has no word on is NaN, as in the container, and so is a name that nobody
//! knows. CSV keeps the order asked for; JSON's members have one of their own.

use std::io::Write as _;

use super::{
    Accept, Predictions,
    number::{write_json, write_repr},
};

/// The container's answer to any model of another objective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Objective `{0}` unsupported for selectable inference predictions.")]
pub(crate) struct Unselectable(String);

/// What is sent of each prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    family: Result<Family, Unselectable>,
    /// How many labels there are.
    classes: usize,
    /// As asked for.
    columns: Vec<Column>,
    /// Each once, by kind.
    members: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: String,
    /// In JSON.
    key: String,
    content: Content,
}

/// In the order of JSON's members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    PredictedLabel,
    Labels,
    Probability,
    Probabilities,
    RawScore,
    RawScores,
    PredictedScore,
    Nothing,
}

/// Objectives whose predictions mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// A number on a scale.
    Regression,
    /// The probability of the label 1.
    Logistic,
    /// The label is 1 where it is positive.
    Margin,
    /// The label itself.
    Label,
    /// A probability for each label.
    Probabilities,
}

enum Number {
    Integer(usize),
    Float(f64),
}

impl Selection {
    /// What `asked`, a list with commas, means for a model of `objective`.
    pub(crate) fn new(asked: &str, objective: &str, classes: usize) -> Self {
        let family = Family::of(objective).ok_or_else(|| Unselectable(objective.to_owned()));
        let column = |name: &str| {
            let known = Content::named(name);
            let told = known.filter(|it| family.as_ref().is_ok_and(|family| family.tells(*it)));
            let content = told.unwrap_or(Content::Nothing);
            Column { name: name.to_owned(), key: quoted(name), content }
        };
        let names = asked.replace(' ', "").to_lowercase();
        let columns: Vec<_> = names.split(',').map(column).collect();
        let mut members = columns.clone();
        members
            .sort_by(|left, right| (left.content, &left.name).cmp(&(right.content, &right.name)));
        members.dedup();
        Self { family, classes, columns, members }
    }

    /// Bytes that a row is reckoned with, where a prediction holds so many numbers. JSON repeats the
    /// names in each.
    pub(crate) fn row_bytes(&self, width: usize) -> usize {
        let numbers = width.max(self.classes);
        self.columns.iter().map(|column| column.name.len() + super::row_bytes(numbers)).sum()
    }

    /// Encodes what is selected of `predictions`. For batch transform CSV ends with its last line.
    pub(crate) fn encode(
        &self,
        predictions: &Predictions,
        accept: Accept,
        batch: bool,
    ) -> Result<Vec<u8>, Unselectable> {
        let family = self.family.clone()?;
        let mut body = Vec::new();
        let rows = || predictions.values.chunks(predictions.width).map(|row| self.of(family, row));
        match accept {
            Accept::Csv => {
                separated(&mut body, b"\n", rows(), |to, row| row.csv(to));
                if batch {
                    body.push(b'\n');
                }
            }
            Accept::Json => {
                body.extend(b"{\"predictions\": [");
                separated(&mut body, b", ", rows(), |to, row| row.json(to));
                body.extend(b"]}");
            }
            Accept::JsonLines => rows().for_each(|row| {
                row.json(&mut body);
                body.push(b'\n');
            }),
            Accept::RecordIo => rows().for_each(|row| row.record(&mut body)),
        }
        Ok(body)
    }

    fn of<'a>(&'a self, family: Family, values: &'a [f32]) -> Row<'a> {
        Row { selection: self, family, values }
    }
}

/// One row's prediction.
struct Row<'a> {
    selection: &'a Selection,
    family: Family,
    values: &'a [f32],
}

impl Row<'_> {
    fn csv(&self, to: &mut Vec<u8>) {
        separated(to, b",", &self.selection.columns, |to, column| {
            let quote = if self.is_list(column.content) { &b"\""[..] } else { b"" };
            to.extend(quote);
            self.write(to, column.content, write_repr);
            to.extend(quote);
        });
    }

    fn json(&self, to: &mut Vec<u8>) {
        to.push(b'{');
        separated(to, b", ", &self.selection.members, |to, column| {
            to.extend(column.key.bytes());
            to.extend(b": ");
            self.write(to, column.content, write_json);
        });
        to.push(b'}');
    }

    fn record(&self, to: &mut Vec<u8>) {
        let labels = self.selection.members.iter().map(|column| {
            let numbers = self.numbers(column.content).into_iter().map(Number::narrowed);
            (column.name.as_str(), numbers.collect())
        });
        recordio::write_labels(labels, to);
    }

    fn write(&self, to: &mut Vec<u8>, content: Content, float: fn(&mut Vec<u8>, f64)) {
        let (open, close) =
            if self.is_list(content) { (&b"["[..], &b"]"[..]) } else { (&b""[..], &b""[..]) };
        to.extend(open);
        separated(to, b", ", self.numbers(content), |to, number| match number {
            // Writing to a vector cannot fail.
            Number::Integer(value) => drop(write!(to, "{value}")),
            Number::Float(value) => float(to, value),
        });
        to.extend(close);
    }

    fn is_list(&self, content: Content) -> bool {
        match content {
            Content::Labels | Content::Probabilities | Content::RawScores => true,
            // A model of several targets: the container fails on it.
            Content::PredictedScore => self.values.len() > 1,
            Content::PredictedLabel
            | Content::Probability
            | Content::RawScore
            | Content::Nothing => false,
        }
    }

    fn numbers(&self, content: Content) -> Vec<Number> {
        let first = self.values.first().copied().unwrap_or(f32::NAN);
        match content {
            Content::PredictedLabel => vec![self.label(first)],
            Content::Labels => (0..self.selection.classes).map(Number::Integer).collect(),
            Content::Probability | Content::RawScore => {
                let largest = self.values.get(largest(self.values));
                vec![Number::from(largest.copied().unwrap_or(first))]
            }
            Content::Probabilities | Content::RawScores => self.scores(first),
            Content::PredictedScore => self.values.iter().copied().map(Number::from).collect(),
            Content::Nothing => vec![Number::Float(f64::NAN)],
        }
    }

    fn label(&self, first: f32) -> Number {
        match self.family {
            Family::Logistic => Number::Integer(usize::from(first > 0.5)),
            Family::Margin => Number::Integer(usize::from(first > 0.0)),
            Family::Probabilities => Number::Integer(largest(self.values)),
            Family::Label | Family::Regression => Number::from(first),
        }
    }

    /// Of each label. Where there is one number it counts as that of the label 1, whatever it is.
    fn scores(&self, first: f32) -> Vec<Number> {
        match self.family {
            Family::Probabilities => self.values.iter().copied().map(Number::from).collect(),
            Family::Logistic | Family::Margin | Family::Label | Family::Regression => {
                vec![Number::Float(1.0 - f64::from(first)), Number::from(first)]
            }
        }
    }
}

impl Family {
    fn of(objective: &str) -> Option<Self> {
        match objective {
            "reg:squarederror" | "reg:logistic" | "reg:gamma" | "reg:absoluteerror"
            | "reg:tweedie" => Some(Self::Regression),
            "binary:logistic" => Some(Self::Logistic),
            "binary:logitraw" => Some(Self::Margin),
            "binary:hinge" | "multi:softmax" => Some(Self::Label),
            "multi:softprob" => Some(Self::Probabilities),
            _ => None,
        }
    }

    fn tells(self, content: Content) -> bool {
        match content {
            Content::PredictedScore => self == Self::Regression,
            Content::Probability | Content::Probabilities => {
                matches!(self, Self::Logistic | Self::Probabilities)
            }
            Content::PredictedLabel | Content::Labels | Content::RawScore | Content::RawScores => {
                self != Self::Regression
            }
            Content::Nothing => false,
        }
    }
}

impl Content {
    fn named(name: &str) -> Option<Self> {
        match name {
            "predicted_label" => Some(Self::PredictedLabel),
            "labels" => Some(Self::Labels),
            "probability" => Some(Self::Probability),
            "probabilities" => Some(Self::Probabilities),
            "raw_score" => Some(Self::RawScore),
            "raw_scores" => Some(Self::RawScores),
            "predicted_score" => Some(Self::PredictedScore),
            _ => None,
        }
    }
}

impl From<f32> for Number {
    fn from(value: f32) -> Self {
        Self::Float(value.into())
    }
}

impl Number {
    #[expect(clippy::cast_possible_truncation, reason = "records of answers hold 32 bits")]
    #[expect(clippy::cast_precision_loss, reason = "labels are few")]
    fn narrowed(self) -> f32 {
        match self {
            Self::Integer(value) => value as f32,
            Self::Float(value) => value as f32,
        }
    }
}

/// A text as Python's `json.dumps` writes it, in ASCII.
fn quoted(text: &str) -> String {
    let mut ascii = String::new();
    for char in serde_json::Value::from(text).to_string().chars() {
        if matches!(char, ' '..='~') {
            ascii.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                ascii.extend(format!("\\u{unit:04x}").chars());
            }
        }
    }
    ascii
}

/// Where the largest number stands, the first of equals.
fn largest(values: &[f32]) -> usize {
    (1..values.len()).fold(0, |best, at| if values[at] > values[best] { at } else { best })
}

fn separated<T>(
    to: &mut Vec<u8>,
    separator: &[u8],
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            to.extend(separator);
        }
        write(to, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that there is, and what there is not.
    const ALL: &str = "Predicted_Label, labels,probability,probabilities,raw_score,raw_scores,\
                       predicted_score,nonsense";

    fn csv(objective: &str, classes: usize, values: &[f32], width: usize) -> String {
        let predictions = Predictions { values: values.to_vec(), width };
        let body = Selection::new(ALL, objective, classes).encode(&predictions, Accept::Csv, false);
        String::from_utf8(body.unwrap()).unwrap()
    }

    #[test]
    fn each_objective_tells_what_it_knows_and_nan_for_the_rest() {
        for objective in
            ["reg:squarederror", "reg:logistic", "reg:gamma", "reg:absoluteerror", "reg:tweedie"]
        {
            assert_eq!(
                csv(objective, 2, &[0.75, 2.0], 1),
                "nan,nan,nan,nan,nan,nan,0.75,nan\nnan,nan,nan,nan,nan,nan,2.0,nan"
            );
        }
        assert_eq!(
            csv("binary:logistic", 2, &[0.75], 1),
            r#"1,"[0, 1]",0.75,"[0.25, 0.75]",0.75,"[0.25, 0.75]",nan,nan"#
        );
        assert_eq!(
            csv("binary:logitraw", 2, &[-2.5], 1),
            r#"0,"[0, 1]",nan,nan,-2.5,"[3.5, -2.5]",nan,nan"#
        );
        assert_eq!(
            csv("binary:hinge", 2, &[1.0], 1),
            r#"1.0,"[0, 1]",nan,nan,1.0,"[0.0, 1.0]",nan,nan"#
        );
        assert_eq!(
            csv("multi:softmax", 3, &[2.0], 1),
            r#"2.0,"[0, 1, 2]",nan,nan,2.0,"[-1.0, 2.0]",nan,nan"#
        );
        assert_eq!(
            csv("multi:softprob", 3, &[0.25, 0.5, 0.25], 3),
            r#"1,"[0, 1, 2]",0.5,"[0.25, 0.5, 0.25]",0.5,"[0.25, 0.5, 0.25]",nan,nan"#
        );
    }

    #[test]
    fn one_less_a_probability_is_of_double_precision() {
        let answer = csv("binary:logistic", 2, &[0.1], 1);
        assert!(answer.contains("\"[0.8999999985098839, 0.10000000149011612]\""), "{answer}");
    }

    #[test]
    fn csv_has_the_order_asked_for_and_json_its_own_with_each_member_once() {
        let selection = Selection::new("x,probability,labels,labels,\"", "binary:logistic", 2);
        let predictions = Predictions { values: vec![0.75, 0.25], width: 1 };
        let text = |accept, batch| {
            String::from_utf8(selection.encode(&predictions, accept, batch).unwrap()).unwrap()
        };
        let lines = "nan,0.75,\"[0, 1]\",\"[0, 1]\",nan\nnan,0.25,\"[0, 1]\",\"[0, 1]\",nan";
        assert_eq!(text(Accept::Csv, false), lines);
        assert_eq!(text(Accept::Csv, true), format!("{lines}\n"), "the last line of a batch ends");
        let [first, second] = [0.75, 0.25].map(|probability| {
            format!(r#"{{"labels": [0, 1], "probability": {probability}, "\"": NaN, "x": NaN}}"#)
        });
        assert_eq!(text(Accept::Json, false), format!("{{\"predictions\": [{first}, {second}]}}"));
        assert_eq!(text(Accept::JsonLines, true), format!("{first}\n{second}\n"));
    }

    #[test]
    fn a_name_is_written_as_python_writes_it() {
        for (name, written) in
            [("é\"", r#""\u00e9\"""#), ("😀\u{7f}", r#""\ud83d\ude00\u007f""#), ("", "\"\"")]
        {
            assert_eq!(quoted(name), written);
        }
    }

    #[test]
    fn records_hold_each_member_as_a_label() {
        let selection = Selection::new("labels,probability", "binary:logistic", 2);
        let predictions = Predictions { values: vec![0.75], width: 1 };
        let mut expected = Vec::new();
        let labels = [("labels", vec![0.0, 1.0]), ("probability", vec![0.75])];
        recordio::write_labels(labels, &mut expected);
        assert_eq!(selection.encode(&predictions, Accept::RecordIo, false), Ok(expected));
    }

    #[test]
    fn several_targets_are_a_list() {
        assert_eq!(
            csv("reg:squarederror", 2, &[0.5, 1.5], 2),
            r#"nan,nan,nan,nan,nan,nan,"[0.5, 1.5]",nan"#
        );
    }

    #[test]
    fn other_objectives_have_nothing_to_select_from() {
        let selection = Selection::new("predicted_score", "count:poisson", 1);
        let predictions = Predictions { values: vec![1.0], width: 1 };
        let refused = selection.encode(&predictions, Accept::Csv, false).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Objective `count:poisson` unsupported for selectable inference predictions."
        );
    }
}
