//! Medians and Markdown.

/// The middle of some measurements (the lower one of two).
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

/// Requests per second for people.
pub fn rate(per_second: f64) -> String {
    if per_second >= 100_000.0 { format!("{:.0} k/s", per_second / 1_000.0) } else { format!("{:.1} k/s", per_second / 1_000.0) }
}

/// One line of a Markdown table.
pub fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// The head of a Markdown table.
pub fn head(cells: &[&str]) {
    println!("\n| {} |", cells.join(" | "));
    println!("|{}", "---|".repeat(cells.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_outliers() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![5.0]), 5.0);
        assert_eq!(median(vec![4.0, 3.0]), 3.0);
    }
}
