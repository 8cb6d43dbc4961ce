//! Values: from text, and to the text that `CONFIG GET` prints.

use super::parameter::{IntForm, Kind, Parameter};

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Int`].
    Int(i128),
    /// Of [`Kind::Enum`] and [`Kind::Flags`].
    Choice(u32),
    /// Of [`Kind::Text`].
    Text(String),
    /// Of [`Kind::Words`], canonical.
    Words(Vec<String>),
}

impl Value {
    /// Reads a value from the arguments that followed the parameter's name. A single argument of a parameter that takes
    /// several is split at spaces. `previous` is the value before, and `adds` tells that an earlier line of the same
    /// file gave it. The error is Redis's text.
    pub fn parse(parameter: &Parameter, args: &[&str], previous: Option<&Value>, adds: bool) -> Result<Value, String> {
        let split: Vec<&str>;
        let words = match args {
            [single] if parameter.is_multi() && !single.is_empty() => {
                split = single.split(' ').collect();
                &split
            }
            _ => args,
        };
        let one = || match words {
            [word] => Ok(*word),
            _ => Err("wrong number of arguments".to_owned()),
        };
        let value = match parameter.kind {
            Kind::Bool => Value::Bool(parse_bool(one()?)?),
            Kind::Int { min, max, form } => Value::Int(parse_int(one()?, min, max, form)?),
            Kind::Enum(names) => Value::Choice(choice(one()?, names)?),
            Kind::Flags(names, check) => {
                let mut bits = 0;
                for word in words {
                    bits |= choice(word, names)?;
                }
                check(bits)?;
                Value::Choice(bits)
            }
            Kind::Optional => Value::Text(one()?.to_owned()),
            Kind::Text(check) => {
                let word = one()?;
                check(parameter.name, word)?;
                Value::Text(word.to_owned())
            }
            Kind::Words(grammar) => {
                let before = match previous {
                    Some(Value::Words(before)) => before.as_slice(),
                    _ => &[],
                };
                Value::Words((grammar.parse)(words, before, adds)?)
            }
        };
        Ok(value)
    }

    /// The text that `CONFIG GET` prints.
    pub fn print(&self, kind: &Kind) -> String {
        match (self, kind) {
            (Value::Bool(true), _) => "yes".to_owned(),
            (Value::Bool(false), _) => "no".to_owned(),
            (Value::Int(percent @ ..0), Kind::Int { form: IntForm::MemoryOrPercent, .. }) => format!("{}%", -percent),
            (Value::Int(mode), Kind::Int { form: IntForm::Octal, .. }) => format!("{mode:o}"),
            (Value::Int(number), _) => number.to_string(),
            (Value::Choice(bits), Kind::Flags(names, _)) if *bits != 0 => {
                let set: Vec<&str> = names.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name).collect();
                set.join(" ")
            }
            (Value::Choice(number), Kind::Enum(names) | Kind::Flags(names, _)) => {
                names.iter().find(|(_, n)| n == number).map_or("unknown", |(name, _)| name).to_owned()
            }
            (Value::Choice(number), _) => number.to_string(),
            (Value::Text(text), _) => text.clone(),
            (Value::Words(words), _) => words.join(" "),
        }
    }
}

/// `yes` or `no`, in any case.
fn parse_bool(word: &str) -> Result<bool, String> {
    match () {
        () if word.eq_ignore_ascii_case("yes") => Ok(true),
        () if word.eq_ignore_ascii_case("no") => Ok(false),
        () => Err("argument must be 'yes' or 'no'".to_owned()),
    }
}

fn choice(word: &str, names: &[(&'static str, u32)]) -> Result<u32, String> {
    names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, value)| *value).ok_or_else(|| {
        let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("argument(s) must be one of the following: {}", all.join(", "))
    })
}

fn parse_int(word: &str, min: i128, max: i128, form: IntForm) -> Result<i128, String> {
    let number = match form {
        IntForm::Plain => integer(word).ok_or("argument couldn't be parsed into an integer")?,
        IntForm::Memory => memory_bytes(word).ok_or("argument must be a memory value")?,
        IntForm::MemoryOrPercent => match word.strip_suffix('%') {
            Some(percent) => -integer(percent).filter(|n| *n >= 0).ok_or("argument must be a memory or percent value")?,
            None => memory_bytes(word).ok_or("argument must be a memory or percent value")?,
        },
        IntForm::Octal => i64::from_str_radix(word, 8).map_err(|_| "argument couldn't be parsed as an octal number")?.into(),
    };
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    Err(match form {
        IntForm::MemoryOrPercent if number < 0 => format!("percentage argument must be less or equal to {}", -min),
        IntForm::Octal => format!("argument must be between {min:o} and {max:o} inclusive"),
        _ => format!("argument must be between {min} and {max} inclusive"),
    })
}

/// A decimal number in its one canonical form: no sign but a minus, no leading zero.
fn integer(word: &str) -> Option<i128> {
    let number: i64 = word.parse().ok()?;
    (number.to_string() == word).then_some(number.into())
}

/// A size in bytes, with an optional unit: `k m g` are powers of 1000, `kb mb gb` powers of 1024.
pub fn memory_bytes(word: &str) -> Option<i128> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = word.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    // Without digits it is 0: Redis parses with `strtoull`.
    let number: u64 = if digits == 0 { 0 } else { number.parse().ok()? };
    number.checked_mul(factor).map(i128::from)
}

/// A size with the greatest unit that divides it.
pub fn print_memory(bytes: i128) -> String {
    match [(30, "gb"), (20, "mb"), (10, "kb")].into_iter().find(|(shift, _)| bytes != 0 && bytes % (1 << shift) == 0) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}
