//! RecordIO-protobuf payloads: dense records, or sparse ones whose absent values are missing. Labels
//! are passed over.
//!
//! Better than the container where it fails: a sparse record may hold nothing, and may stand beside
//! dense ones. A record without features is refused, for the container forgets it and answers with
//! fewer rows than it was sent.

use recordio::{Record, RecordError, Records, Tensor};

use super::{narrowed_f32, python::Raised};
use crate::rows::Rows;

/// Reads a payload.
pub(super) fn read(body: &[u8]) -> Result<Rows, Raised> {
    let mut rows: Vec<Tensor> = Vec::new();
    for (number, record) in (1_u64..).zip(Records::new(whole(body))) {
        rows.push(features(record.map_err(raised)?, number)?);
    }
    match rows.iter().any(Tensor::is_sparse) {
        _ if rows.is_empty() => {
            Err(Raised::value_error("No records found in RecordIO-Protobuf data"))
        }
        true => sparse_rows(&rows),
        false => dense_rows(&rows),
    }
}

/// The payload without what is too short for a frame behind its last one, which the container does
/// not look at.
fn whole(body: &[u8]) -> &[u8] {
    /// Magic number and length, bytes.
    const HEADER: usize = 8;
    let mut rest = body;
    while let Some((header, behind)) = rest.split_first_chunk::<HEADER>() {
        let [.., a, b, c, d] = *header;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        match behind.get(length.next_multiple_of(4)..) {
            Some(behind) => rest = behind,
            None => return body,
        }
    }
    let end = body.len() - rest.len();
    if end == 0 { body } else { &body[..end] }
}

fn features(record: Record, number: u64) -> Result<Tensor, Raised> {
    record.features.ok_or_else(|| {
        Raised::value_error(format!("record {number} has no features named 'values'"))
    })
}

fn dense_rows(rows: &[Tensor]) -> Result<Rows, Raised> {
    let columns = rows.first().map_or(0, |row| row.numbers.len());
    if let Some(at) = rows.iter().position(|row| row.numbers.len() != columns) {
        return Err(Raised::value_error(format!(
            "all the input array dimensions except for the concatenation axis must match exactly, \
             but along dimension 1, the array at index 0 has size {columns} and the array at index \
             {at} has size {}",
            rows[at].numbers.len()
        )));
    }
    if columns == 0 {
        return Err(Raised::value_error("the records have no features"));
    }
    let mut cells = Vec::with_capacity(rows.len() * columns);
    for row in rows {
        row.numbers.push_to(&mut cells);
    }
    cells.iter().try_for_each(|cell| narrowed_f32(*cell).map(drop))?;
    Ok(Rows::Dense { columns, cells })
}

fn sparse_rows(rows: &[Tensor]) -> Result<Rows, Raised> {
    let mut columns = 0;
    let (mut ends, mut entries) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut values = Vec::new();
    for row in rows {
        values.clear();
        row.numbers.push_to(&mut values);
        let start = entries.len();
        for (place, value) in values.iter().enumerate() {
            // A dense row's numbers stand in their order.
            let column = row.keys.get(place).copied().unwrap_or(place as u64);
            columns = columns.max(Rows::width(column));
            entries.push((Rows::column(column), narrowed_f32(*value)?));
        }
        entries[start..].sort_by_key(|(column, _)| *column);
        let last = row.shape.first().and_then(|length| length.checked_sub(1));
        columns = columns.max(last.map_or(0, Rows::width));
        ends.push(entries.len());
    }
    Ok(Rows::Sparse { columns, ends, entries })
}

/// In the words of the container's reader where it has some.
fn raised(error: RecordError) -> Raised {
    match error {
        RecordError::NoRecord { .. } => Raised {
            class: "google.protobuf.message.DecodeError",
            text: "Error parsing message".into(),
        },
        error @ (RecordError::Read(_)
        | RecordError::NoFrame { .. }
        | RecordError::CutOff { .. }
        | RecordError::TooLong { .. }
        | RecordError::Contradiction { .. }) => Raised::value_error(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use recordio::Numbers;

    use super::*;

    fn payload(rows: &[Tensor]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for row in rows {
            let record = Record { features: Some(row.clone()), label: None };
            recordio::write(&record, &mut bytes);
        }
        bytes
    }

    fn dense(values: &[f32]) -> Tensor {
        Tensor::dense(Numbers::Float32(values.to_vec()))
    }

    fn keyed(keys: &[u64], values: &[f32], shape: &[u64]) -> Tensor {
        let numbers = Numbers::Float32(values.to_vec());
        Tensor { numbers, keys: keys.to_vec(), shape: shape.to_vec() }
    }

    #[test]
    fn dense_records_of_every_type_are_rows() {
        let body = payload(&[
            dense(&[1.0, f32::NAN]),
            Tensor::dense(Numbers::Float64(vec![2.5, -0.0])),
            Tensor::dense(Numbers::Int32(vec![-3, 7])),
        ]);
        let Rows::Dense { columns, cells } = read(&body).unwrap() else { panic!("not dense") };
        assert_eq!(columns, 2);
        let bits: Vec<_> = cells.iter().map(|cell| cell.to_bits()).collect();
        assert_eq!(bits, [1.0, f32::NAN, 2.5, -0.0, -3.0, 7.0].map(f32::to_bits));
    }

    #[test]
    fn what_a_sparse_record_does_not_name_is_missing() {
        let rows = [keyed(&[3, 0], &[4.0, 1.0], &[5]), keyed(&[], &[], &[5]), dense(&[9.0])];
        let expected = Rows::Sparse {
            columns: 5,
            ends: vec![2, 2, 3],
            entries: vec![(0, 1.0), (3, 4.0), (0, 9.0)],
        };
        assert_eq!(read(&payload(&rows)), Ok(expected));
        let unshaped = read(&payload(&[keyed(&[6], &[1.0], &[])])).unwrap();
        assert_eq!(unshaped.columns(), 7, "the largest key counts where there is no shape");
        let far = read(&payload(&[keyed(&[1 << 40], &[1.0], &[])])).unwrap();
        assert_eq!(far.columns(), (1 << 40) + 1, "too wide for every model");
        let shaped = Tensor { shape: vec![2], ..dense(&[1.0, 2.0]) };
        let expected = Rows::Dense { columns: 2, cells: vec![1.0, 2.0] };
        assert_eq!(read(&payload(&[shaped])), Ok(expected), "a shape alone is not sparse");
    }

    #[test]
    fn less_than_a_header_behind_the_last_record_is_not_looked_at() {
        let one = payload(&[dense(&[1.0])]);
        for behind in 0..8 {
            let body = [&one[..], &vec![0x0a; behind]].concat();
            assert_eq!(read(&body), read(&one), "{behind} bytes");
        }
        assert!(read(&[&one[..], &[0x0a; 8]].concat()).is_err());
    }

    #[test]
    fn what_are_no_rows_is_told() {
        for (body, text) in [
            (vec![], "No records found in RecordIO-Protobuf data"),
            (b"1,2,3,4,5".to_vec(), "magic number"),
            (payload(&[dense(&[1.0])])[..12].to_vec(), "cut off"),
            (payload(&[dense(&[1.0]), dense(&[1.0, 2.0])]), "the array at index 1 has size 2"),
            (payload(&[dense(&[])]), "no features"),
            (payload(&[keyed(&[7], &[1.0], &[5])]), "not below its shape"),
            (payload(&[dense(&[f32::INFINITY])]), "`inf`"),
            (b"\x0a\x23\xd7\xce\0\0\0\0".to_vec(), "record 1 has no features"),
            (b"\x0a\x23\xd7\xce\x04\0\0\0\x0a\xff\xff\xff".to_vec(), "Error parsing message"),
        ] {
            let raised = read(&body).unwrap_err();
            assert!(raised.text.contains(text), "{}", raised.text);
        }
    }

    proptest! {
        #[test]
        fn any_tensors_end_without_a_panic(
            rows in proptest::collection::vec(
                (proptest::collection::vec((any::<u64>(), any::<f32>()), 0..4), any::<u64>()), 0..4)
        ) {
            let rows: Vec<_> = rows
                .into_iter()
                .map(|(entries, length)| {
                    let (keys, values): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
                    keyed(&keys, &values, &[length])
                })
                .collect();
            let _ = read(&payload(&rows));
        }
    }
}
