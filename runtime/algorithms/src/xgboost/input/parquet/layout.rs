//! Which columns of a file are trained on, and where they stand in it.
//!
//! pandas saves its index as columns, and says in the footer which those are; the container takes
//! them out again. Files of one channel may have their columns in different orders.

use std::collections::HashMap;

use parquet::file::metadata::FileMetaData;
use serde::Deserialize;
use serde_json::Value;

/// Names that a message has of each list.
const NAMED: usize = 20;

/// The columns of a file but for those of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The label first.
    names: Vec<String>,
    /// Where in the file each stands.
    places: Vec<usize>,
}

impl Layout {
    /// Of a file with this footer.
    pub fn of(footer: &FileMetaData) -> Self {
        let index = index(footer);
        let (names, places) = footer
            .schema_descr()
            .columns()
            .iter()
            .enumerate()
            .map(|(place, column)| (column.path().string(), place))
            .filter(|(name, _)| !index.contains(name))
            .unzip();
        Self { names, places }
    }

    /// How many columns stand behind the label.
    pub fn features(&self) -> usize {
        self.names.len().saturating_sub(1)
    }

    /// Where in this file the columns of the channel's `first` file stand, in the order of that.
    pub fn places_of(&self, first: &Self) -> Result<Vec<usize>, String> {
        let mut left: HashMap<&str, Vec<usize>> = HashMap::new();
        for (name, place) in self.names.iter().zip(&self.places).rev() {
            left.entry(name).or_default().push(*place);
        }
        let mut lacking = Vec::new();
        let mut places = Vec::with_capacity(first.names.len());
        for name in &first.names {
            match left.get_mut(&**name).and_then(Vec::pop) {
                Some(place) => places.push(place),
                None => lacking.push(&**name),
            }
        }
        let others = |name: &&String| left.get(&***name).is_some_and(|left| !left.is_empty());
        let others: Vec<_> = self.names.iter().filter(others).map(|name| &**name).collect();
        if lacking.is_empty() && others.is_empty() {
            return Ok(places);
        }
        Err(format!(
            "it lacks the columns [{}] of the channel's first file, and has [{}], which that one \
             lacks. All files of a channel must have the same columns",
            listed(&lacking),
            listed(&others)
        ))
    }
}

fn listed(names: &[&str]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    names[..names.len().min(NAMED)].join(", ") + more
}

/// What pandas says of a file that it wrote.
#[derive(Deserialize)]
struct Pandas {
    /// The name of a column, or the description of a range that is none.
    index_columns: Vec<Value>,
}

fn index(footer: &FileMetaData) -> Vec<String> {
    let said = footer.key_value_metadata().into_iter().flatten();
    let said = said.filter(|said| said.key == "pandas").find_map(|said| said.value.as_ref());
    let pandas = said.and_then(|said| serde_json::from_str::<Pandas>(said).ok());
    let columns = pandas.map_or_else(Vec::new, |pandas| pandas.index_columns);
    columns.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(names: &[&str]) -> Layout {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Layout { places: (0..names.len()).collect(), names }
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let first = layout(&["y", "a", "b", "a"]);
        assert_eq!(first.places_of(&first), Ok(vec![0, 1, 2, 3]));
        assert_eq!(layout(&["b", "a", "y", "a"]).places_of(&first), Ok(vec![2, 1, 0, 3]));
        assert_eq!(
            layout(&["y", "a", "c"]).places_of(&first).unwrap_err(),
            "it lacks the columns [b, a] of the channel's first file, and has [c], which that one \
             lacks. All files of a channel must have the same columns"
        );
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<_> = (0..50).map(|n| n.to_string()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let told = layout(&[]).places_of(&layout(&names)).unwrap_err();
        assert!(told.contains("[0, 1, 2, ") && told.contains(", 19, …]"), "{told}");
    }
}
