//! `TIME` and `LOLWUT`.

use crate::context::Context;
use crate::error::Error;

/// `TIME`
pub fn time(cx: &mut Context<'_>) -> Result<(), Error> {
    let now_us = cx.engine.now_us();
    cx.reply.array(2);
    cx.reply.bulk_int((now_us / 1_000_000) as i64);
    cx.reply.bulk_int((now_us % 1_000_000) as i64);
    Ok(())
}

/// `LOLWUT [VERSION version]`: an engraver's rosette, another each time, and the version. Whatever version is
/// asked for, the drawing is the same kind.
pub fn lolwut(cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.is(1, "VERSION") && cx.args.len() >= 3 {
        cx.int(2)?;
    }
    let petals = 3 + cx.engine.random.below(9);
    let turns = 5 + 2 * cx.engine.random.below(6);
    let mut text = rosette(petals as f64, turns as f64);
    text += &format!("\nRosette of {petals} petals. Redis ver. {}, Graven ver. {}\n", crate::REDIS_VERSION, env!("CARGO_PKG_VERSION"));
    cx.reply.verbatim("txt", &text);
    Ok(())
}

/// A wave around a circle, in Braille dots: two across and four down in each character.
fn rosette(petals: f64, turns: f64) -> String {
    const COLUMNS: usize = 36;
    const ROWS: usize = 18;
    const DOTS: [[u32; 2]; 4] = [[0, 3], [1, 4], [2, 5], [6, 7]];
    const STEPS: usize = 4000;
    let mut cells = [[0u32; COLUMNS]; ROWS];
    for step in 0..STEPS {
        let angle = step as f64 / STEPS as f64 * std::f64::consts::TAU * turns;
        let radius = 0.68 + 0.3 * (angle * (petals + 1.0 / turns)).cos();
        let x = ((1.0 + radius * angle.cos()) * COLUMNS as f64) as usize;
        let y = ((1.0 + radius * angle.sin()) * 2.0 * ROWS as f64) as usize;
        cells[y / 4][x / 2] |= 1 << DOTS[y % 4][x % 2];
    }
    let line = |row: &[u32; COLUMNS]| row.iter().filter_map(|dots| char::from_u32(0x2800 + dots)).chain(['\n']).collect::<String>();
    cells.iter().map(line).collect()
}
