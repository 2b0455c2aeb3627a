//! The stack machine that a pickle is a program for.

use std::{borrow::Cow, collections::HashMap};

use super::{
    PickleError,
    value::{Global, State, Text, Value},
};
use crate::{format::Malformed, readable::readable};

/// Values at once: CPython writes containers in batches of 1,000, or 1,000 pairs.
const MAX_STACK: usize = 4096;
/// Names and words that are kept for another use; a booster's pickle has about ten.
const MAX_KEPT: usize = 256;
/// The newest protocol.
const MAX_PROTOCOL: u8 = 5;

/// What the memo keeps; everything else is fetched from it as inert.
#[derive(Clone, Copy)]
enum Kept<'a> {
    Global(Global),
    Word(Text<'a>),
}

/// A pickle being read.
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    memo: HashMap<u32, Kept<'a>>,
    /// How many values were put into the memo without a number.
    numbered: u32,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, stack: Vec::new(), memo: HashMap::new(), numbered: 0 }
    }

    /// Runs to the end; the state of the booster that it leaves.
    pub(super) fn run(mut self) -> Result<State<'a>, PickleError> {
        loop {
            let instruction = self.byte()?;
            if instruction == b'.' {
                break;
            }
            self.step(instruction)?;
            if self.stack.len() > MAX_STACK {
                return Err(self.malformed("it has more values at once than a booster").into());
            }
        }
        match self.stack.pop() {
            Some(Value::Booster(state)) => Ok(state),
            _ => Err(PickleError::NoModel),
        }
    }

    /// Instructions by their letters in Python's `pickletools`, where they are explained.
    fn step(&mut self, instruction: u8) -> Result<(), PickleError> {
        match instruction {
            0x80 => self.protocol()?,
            0x95 => _ = self.take(8)?,
            b'c' => self.global_of_lines()?,
            0x93 => self.global_of_stack()?,
            b'R' | 0x81 => self.call()?,
            b'b' => self.build()?,
            b'p' | b'q' | b'r' | 0x94 => self.put(instruction)?,
            b'g' | b'h' | b'j' => self.get(instruction)?,
            b'(' | b')' | b'}' | b'd' | b't' | 0x85..=0x87 => self.compose(instruction)?,
            b']' | b'l' | b'a' | b'e' => self.list(instruction)?,
            b's' => self.set_one()?,
            b'u' => self.set_many()?,
            _ => {
                let value = self.scalar(instruction)?;
                self.stack.push(value);
            }
        }
        Ok(())
    }

    fn protocol(&mut self) -> Result<(), Malformed> {
        if self.byte()? > MAX_PROTOCOL {
            return Err(self.malformed("its protocol is unknown"));
        }
        Ok(())
    }

    fn global_of_lines(&mut self) -> Result<(), PickleError> {
        let (module, name) = (self.line()?, self.line()?);
        self.global(module, name)
    }

    fn global_of_stack(&mut self) -> Result<(), PickleError> {
        match (self.pop()?, self.pop()?) {
            (Value::Text(name), Value::Text(module)) => {
                self.global(module.spelled(), name.spelled())
            }
            _ => Err(self.malformed("a class without a name").into()),
        }
    }

    fn global(&mut self, module: &[u8], name: &[u8]) -> Result<(), PickleError> {
        let global = Global::named(module, name).ok_or_else(|| {
            let [module, name] = [module, name].map(readable);
            PickleError::Foreign(format!("{module}.{name}"))
        })?;
        self.stack.push(Value::Global(global));
        Ok(())
    }

    fn call(&mut self) -> Result<(), PickleError> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let made = Value::made(&callee, arguments);
        self.stack.push(made.ok_or_else(|| self.malformed("a call that no booster needs"))?);
        Ok(())
    }

    fn build(&mut self) -> Result<(), PickleError> {
        match (self.pop()?, self.pop()?) {
            (Value::State(state), Value::Bare) => self.stack.push(Value::Booster(state)),
            _ => return Err(self.malformed("a state that is no booster's").into()),
        }
        Ok(())
    }

    fn put(&mut self, instruction: u8) -> Result<(), Malformed> {
        let index = match instruction {
            0x94 => {
                self.numbered = self.numbered.saturating_add(1);
                self.numbered - 1
            }
            b'p' => self.number()?,
            b'q' => self.byte()?.into(),
            _ => self.word()?,
        };
        let kept = match self.stack.last() {
            Some(Value::Global(global)) => Kept::Global(*global),
            Some(Value::Text(text)) if text.is_word() => Kept::Word(*text),
            _ => return Ok(()),
        };
        self.memo.insert(index, kept);
        if self.memo.len() > MAX_KEPT {
            return Err(self.malformed("it keeps more names than a booster has"));
        }
        Ok(())
    }

    fn get(&mut self, instruction: u8) -> Result<(), Malformed> {
        let index = match instruction {
            b'g' => self.number()?,
            b'h' => self.byte()?.into(),
            _ => self.word()?,
        };
        self.stack.push(match self.memo.get(&index) {
            Some(Kept::Global(global)) => Value::Global(*global),
            Some(Kept::Word(text)) => Value::Text(*text),
            None => Value::Inert,
        });
        Ok(())
    }

    /// Marks, tuples and dictionaries.
    fn compose(&mut self, instruction: u8) -> Result<(), Malformed> {
        let value = match instruction {
            b'(' => Value::Mark,
            b')' => Value::Tuple(Vec::new()),
            b'}' => Value::State(State::default()),
            b'd' => Value::State(state(self.since_mark()?)),
            b't' => Value::tuple(self.since_mark()?),
            few => {
                let first = self.stack.len().checked_sub(usize::from(few - 0x84));
                let first = first.ok_or_else(|| self.malformed("a value is missing"))?;
                Value::tuple(self.stack.split_off(first))
            }
        };
        self.stack.push(value);
        Ok(())
    }

    /// Of a list nothing is kept.
    fn list(&mut self, instruction: u8) -> Result<(), Malformed> {
        match instruction {
            b'a' => _ = self.pop()?,
            b'e' => _ = self.since_mark()?,
            b'l' => {
                self.since_mark()?;
                self.stack.push(Value::Inert);
            }
            _ => self.stack.push(Value::Inert),
        }
        Ok(())
    }

    fn set_one(&mut self) -> Result<(), Malformed> {
        let (value, key) = (self.pop()?, self.pop()?);
        self.dictionary()?.set(&key, value);
        Ok(())
    }

    fn set_many(&mut self) -> Result<(), Malformed> {
        let items = self.since_mark()?;
        let dictionary = self.dictionary()?;
        each_pair(items, |key, value| dictionary.set(&key, value));
        Ok(())
    }

    fn dictionary(&mut self) -> Result<&mut State<'a>, Malformed> {
        let missing = self.malformed("a member without a dictionary");
        match self.stack.last_mut() {
            Some(Value::State(state)) => Ok(state),
            _ => Err(missing),
        }
    }

    /// Numbers, texts, bytes and constants.
    fn scalar(&mut self, instruction: u8) -> Result<Value<'a>, Malformed> {
        Ok(match instruction {
            b'N' | 0x88 | 0x89 => Value::Inert,
            b'K' => Value::Count(self.byte()?.into()),
            b'M' => Value::Count(u16::from_le_bytes(self.array()?).into()),
            b'J' => count(i32::from_le_bytes(self.array()?)),
            b'I' => parsed(self.line()?).map_or(Value::Inert, count),
            b'L' | b'F' => self.line().map(|_| Value::Inert)?,
            b'G' => self.take(8).map(|_| Value::Inert)?,
            0x8a => {
                let length = self.byte()?.into();
                self.take(length).map(|_| Value::Inert)?
            }
            b'V' => Value::Text(Text::Escaped(self.line()?)),
            b'S' => Value::Text(Text::Plain(unquoted(self.line()?))),
            b'U' | 0x8c | b'T' | b'X' | 0x8d => Value::Text(Text::Plain(self.sized(instruction)?)),
            b'C' | b'B' | 0x8e | 0x96 => Value::Bytes(Cow::Borrowed(self.sized(instruction)?)),
            _ => {
                self.at -= 1;
                return Err(self.malformed("an instruction that no booster's pickle has"));
            }
        })
    }

    /// Bytes behind their length, whose width is the instruction's.
    fn sized(&mut self, instruction: u8) -> Result<&'a [u8], Malformed> {
        let length = match instruction {
            b'U' | 0x8c | b'C' => self.byte()?.into(),
            b'T' | b'X' | b'B' => self.word()?.into(),
            _ => u64::from_le_bytes(self.array()?),
        };
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn pop(&mut self) -> Result<Value<'a>, Malformed> {
        match self.stack.pop() {
            Some(Value::Mark) | None => Err(self.malformed("a value is missing")),
            Some(value) => Ok(value),
        }
    }

    /// What stands above the topmost mark, which goes too.
    fn since_mark(&mut self) -> Result<Vec<Value<'a>>, Malformed> {
        let mark = self.stack.iter().rposition(|value| *value == Value::Mark);
        let mark = mark.ok_or_else(|| self.malformed("a mark is missing"))?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| self.malformed("the file ends too early"))?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    fn word(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// Up to the end of the line, without it.
    fn line(&mut self) -> Result<&'a [u8], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = self.take(end.ok_or_else(|| self.malformed("a line has no end"))?)?;
        self.at += 1;
        Ok(line)
    }

    fn number(&mut self) -> Result<u32, Malformed> {
        let line = self.line()?;
        parsed(line).ok_or_else(|| self.malformed("expected a number"))
    }
}

fn state(items: Vec<Value<'_>>) -> State<'_> {
    let mut state = State::default();
    each_pair(items, |key, value| state.set(&key, value));
    state
}

fn each_pair<'a>(items: Vec<Value<'a>>, mut with: impl FnMut(Value<'a>, Value<'a>)) {
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        with(key, value);
    }
}

fn count<'a>(number: i32) -> Value<'a> {
    usize::try_from(number).map_or(Value::Inert, Value::Count)
}

fn parsed<V: std::str::FromStr>(line: &[u8]) -> Option<V> {
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// Python 2 quotes its texts.
fn unquoted(line: &[u8]) -> &[u8] {
    match line {
        [b'\'', text @ .., b'\''] | [b'"', text @ .., b'"'] => text,
        text => text,
    }
}
