//! Medians and Markdown.

/// The middle of some measurements (the lower one of two).
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

/// How much of `before` each of `after` is, in the middle. Measurements that were made one after the other are compared with each
/// other, so that a machine that becomes slower or faster from round to round does not matter.
pub fn median_ratio(before: &[f64], after: &[f64]) -> f64 {
    median(before.iter().zip(after).map(|(before, after)| after / before).collect())
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

    #[test]
    fn ratios_are_those_of_neighbours() {
        assert_eq!(median_ratio(&[1.0, 10.0, 100.0], &[2.0, 20.0, 200.0]), 2.0);
        assert_eq!(median_ratio(&[1.0, 10.0, 100.0], &[300.0, 20.0, 150.0]), 2.0);
    }
}
