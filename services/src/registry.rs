//! What is known about resources beside themselves: their tags, and how to find them.

mod expression;
mod search;
mod tags;

pub use search::SearchService;
pub use tags::TagService;
