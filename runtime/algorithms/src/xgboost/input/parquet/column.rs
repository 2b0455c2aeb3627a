//! A column's numbers, by what its bytes mean.
//!
//! The physical type alone does not say: whole numbers may be unsigned, decimals or days, and bytes
//! may be decimals, halves or text. What is no number is refused by name.

use parquet::{
    basic::{ConvertedType, LogicalType, Type},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    file::reader::RowGroupReader,
    schema::types::ColumnDescriptor,
};

use super::Refusal;

/// What is to be done with what are moments and spans of time.
const OF_TIME: &str = "convert it to a number, such as the days since a certain one";
/// What is to be done with all other things.
const OF_WORDS: &str = "convert it to numbers, or leave it out";

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meaning {
    /// As the physical type says.
    Plain,
    /// Whole numbers without a sign.
    Unsigned,
    /// Whole numbers, which count in parts of this.
    Decimal(f64),
    /// Numbers of 16 bits.
    Half,
    /// Nothing to learn from as it is.
    Other {
        /// Its name in Parquet.
        name: &'static str,
        /// What to do.
        advice: &'static str,
    },
}

/// Reads a column; NaN where there is no number.
#[expect(clippy::cast_possible_truncation, reason = "XGBoost's numbers have 32 bits")]
#[expect(clippy::cast_precision_loss, reason = "XGBoost's numbers have 32 bits")]
pub fn read(group: &dyn RowGroupReader, index: usize, rows: usize) -> Result<Vec<f32>, Refusal> {
    let column = group.metadata().column(index).column_descr();
    let meaning = checked(column)?;
    let unsigned = meaning == Meaning::Unsigned;
    let unit = if let Meaning::Decimal(unit) = meaning { unit } else { 1.0 };
    let scaled = |value: f64| (value / unit) as f32;
    let int32 = |it: i32| if unsigned { f64::from(it.cast_unsigned()) } else { f64::from(it) };
    let int64 = |it: i64| if unsigned { it.cast_unsigned() as f64 } else { it as f64 };
    let bytes = |it: &[u8]| match meaning {
        Meaning::Half => half(it),
        Meaning::Decimal(_) | Meaning::Plain | Meaning::Unsigned | Meaning::Other { .. } => {
            scaled(big_endian(it))
        }
    };
    let values = match group.get_column_reader(index)? {
        ColumnReader::BoolColumnReader(from) => {
            numbers(from, column, rows, |it| f32::from(u8::from(it)))
        }
        ColumnReader::Int32ColumnReader(from) => {
            numbers(from, column, rows, |it| scaled(int32(it)))
        }
        ColumnReader::Int64ColumnReader(from) => {
            numbers(from, column, rows, |it| scaled(int64(it)))
        }
        ColumnReader::FloatColumnReader(from) => numbers(from, column, rows, |it| it),
        ColumnReader::DoubleColumnReader(from) => numbers(from, column, rows, |it| it as f32),
        ColumnReader::ByteArrayColumnReader(from) => {
            numbers(from, column, rows, |it| bytes(it.data()))
        }
        ColumnReader::FixedLenByteArrayColumnReader(from) => {
            numbers(from, column, rows, |it| bytes(it.data()))
        }
        ColumnReader::Int96ColumnReader(_) => return Err(no_number(column, "Timestamp", OF_TIME)),
    }?;
    if values.len() == rows {
        return Ok(values);
    }
    let found = values.len();
    Err(Refusal::Content(format!(
        "the column '{}' has {found} rows of {rows}",
        column.path().string()
    )))
}

/// What a column means, if that is numbers.
fn checked(column: &ColumnDescriptor) -> Result<Meaning, Refusal> {
    if column.max_rep_level() > 0 || column.max_def_level() > 1 {
        let name = column.path().string();
        return Err(Refusal::Content(format!("the column '{name}' holds lists or structures")));
    }
    match meaning(column) {
        Meaning::Other { name, advice } => Err(no_number(column, name, advice)),
        numbers => Ok(numbers),
    }
}

fn no_number(column: &ColumnDescriptor, what: &str, advice: &str) -> Refusal {
    Refusal::Content(format!(
        "the column '{}' is of the type {what}, which is no number: {advice}",
        column.path().string()
    ))
}

fn meaning(column: &ColumnDescriptor) -> Meaning {
    let said = match column.logical_type_ref() {
        Some(logical) => by_logical(logical),
        None => by_converted(column),
    };
    match (said, column.physical_type()) {
        (Meaning::Plain | Meaning::Unsigned, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY) => {
            Meaning::Other { name: "Bytes", advice: OF_WORDS }
        }
        (said, _) => said,
    }
}

fn by_logical(logical: &LogicalType) -> Meaning {
    let (name, advice) = match logical {
        LogicalType::Integer(it) if it.is_signed => return Meaning::Plain,
        LogicalType::Integer(_) => return Meaning::Unsigned,
        LogicalType::Decimal(it) => return Meaning::Decimal(10_f64.powi(it.scale)),
        LogicalType::Float16 => return Meaning::Half,
        // A column in which nothing ever is, or of a meaning that is younger than this reader.
        LogicalType::Unknown | LogicalType::_Unknown { .. } => return Meaning::Plain,
        LogicalType::Date => ("Date", OF_TIME),
        LogicalType::Time(_) => ("Time", OF_TIME),
        LogicalType::Timestamp(_) => ("Timestamp", OF_TIME),
        LogicalType::String => ("String", OF_WORDS),
        LogicalType::Enum => ("Enum", OF_WORDS),
        LogicalType::Json => ("Json", OF_WORDS),
        LogicalType::Bson => ("Bson", OF_WORDS),
        LogicalType::Uuid => ("Uuid", OF_WORDS),
        LogicalType::Map => ("Map", OF_WORDS),
        LogicalType::List => ("List", OF_WORDS),
        LogicalType::Variant(_) => ("Variant", OF_WORDS),
        LogicalType::Geometry(_) => ("Geometry", OF_WORDS),
        LogicalType::Geography(_) => ("Geography", OF_WORDS),
        LogicalType::File => ("File", OF_WORDS),
    };
    Meaning::Other { name, advice }
}

/// What older writers say.
fn by_converted(column: &ColumnDescriptor) -> Meaning {
    let (name, advice) = match column.converted_type() {
        ConvertedType::UINT_8
        | ConvertedType::UINT_16
        | ConvertedType::UINT_32
        | ConvertedType::UINT_64 => return Meaning::Unsigned,
        ConvertedType::DECIMAL => return Meaning::Decimal(10_f64.powi(column.type_scale())),
        ConvertedType::NONE
        | ConvertedType::INT_8
        | ConvertedType::INT_16
        | ConvertedType::INT_32
        | ConvertedType::INT_64 => return Meaning::Plain,
        ConvertedType::DATE => ("Date", OF_TIME),
        ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => ("Time", OF_TIME),
        ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS => ("Timestamp", OF_TIME),
        ConvertedType::INTERVAL => ("Interval", OF_TIME),
        ConvertedType::UTF8 => ("String", OF_WORDS),
        ConvertedType::ENUM => ("Enum", OF_WORDS),
        ConvertedType::JSON => ("Json", OF_WORDS),
        ConvertedType::BSON => ("Bson", OF_WORDS),
        ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => ("Map", OF_WORDS),
        ConvertedType::LIST => ("List", OF_WORDS),
    };
    Meaning::Other { name, advice }
}

fn numbers<T: DataType>(
    mut from: ColumnReaderImpl<T>,
    column: &ColumnDescriptor,
    rows: usize,
    number: impl Fn(T::T) -> f32,
) -> Result<Vec<f32>, Refusal> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let optional = column.max_def_level() > 0;
    loop {
        let levels = optional.then_some(&mut levels);
        let (records, _, _) = from.read_records(rows, levels, None, &mut values)?;
        if records == 0 {
            break;
        }
    }
    let mut values = values.into_iter().map(number);
    if !optional {
        return Ok(values.collect());
    }
    let present = |level: i16| if level > 0 { values.next() } else { None };
    Ok(levels.into_iter().map(present).map(|value| value.unwrap_or(f32::NAN)).collect())
}

/// A whole number of any length, the byte with the sign first.
fn big_endian(bytes: &[u8]) -> f64 {
    let Some((first, rest)) = bytes.split_first() else { return f64::NAN };
    let first = f64::from(first.cast_signed());
    rest.iter().fold(first, |number, byte| number * 256.0 + f64::from(*byte))
}

/// A number of 16 bits: one of sign, five of exponent, ten of fraction.
fn half(bytes: &[u8]) -> f32 {
    let Ok(bytes) = bytes.try_into() else { return f32::NAN };
    let bits = u16::from_le_bytes(bytes);
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f32::from(bits & 0x3ff);
    sign * match i32::from(bits >> 10 & 0x1f) {
        0 => fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        exponent => (1024.0 + fraction) * 2_f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_exactly() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
            (0x8000, -0.0),
        ] {
            assert_eq!(half(&u16::to_le_bytes(bits)).to_bits(), f32::to_bits(value), "{bits:x}");
        }
        assert!(half(&[0, 0x7e]).is_nan() && half(&[0]).is_nan());
    }

    #[test]
    fn whole_numbers_may_have_any_length() {
        for (bytes, value) in [
            (&[0x7f][..], 127.0),
            (&[0xff, 0x38], -200.0),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], 256.0),
            (&[0xff; 16], -1.0),
        ] {
            assert_eq!(big_endian(bytes).to_bits(), f64::to_bits(value), "{bytes:?}");
        }
        assert!(big_endian(&[]).is_nan());
    }
}
