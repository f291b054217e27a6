//! The comparison as a table, for the console and the page.

use console::{Alignment, measure_text_width, pad_str};
use sparkproof_base::events::{ReadMetrics, median};

use crate::text::{Paint, bytes, fine, rate};

/// The columns: heading and meaning.
pub(crate) const COLUMNS: [(&str, &str); 7] = [
    ("set-up", "until the data was readable: copies, layers, mounts, claims, uploads"),
    ("to nodes", "bytes moved to nodes or pods beforehand"),
    (
        "big file",
        "bytes per second of one executor while all read the same big file; median of the executors",
    ),
    (
        "small files",
        "the same for 1,000 small files, divided among the executors, opening included",
    ),
    ("planning", "the driver lists and plans a directory of many files"),
    ("requests", "requests of this variant in the server's log"),
    ("one more executor", "the part of the set-up that it costs again: time, bytes"),
];

/// The cell of a figure that was not measured.
pub(crate) const NONE: &str = "–";

/// The cells of a variant, as [`COLUMNS`].
pub(crate) fn figures(figures: &ReadMetrics) -> [String; COLUMNS.len()] {
    let throughput = |of: &[f64]| match of {
        [] => NONE.to_owned(),
        of => rate(median(of)),
    };
    let planning = figures.planning_seconds;
    [
        fine(figures.setup_seconds),
        bytes(figures.bytes_to_nodes),
        throughput(&figures.big_bytes_per_second),
        throughput(&figures.small_bytes_per_second),
        if planning > 0.0 { fine(planning) } else { NONE.to_owned() },
        figures.requests.map_or(NONE.to_owned(), |n| n.to_string()),
        again(figures),
    ]
}

fn again(figures: &ReadMetrics) -> String {
    match (figures.seconds_per_executor, figures.bytes_per_executor) {
        (seconds, 0) if seconds <= 0.0 => "nothing".to_owned(),
        (seconds, moved) => format!("{}, {:>7}", fine(seconds), bytes(moved)),
    }
}

/// One line a variant, below a line of headings; empty without variants.
pub(crate) fn table(all: &[ReadMetrics], paint: Paint) -> String {
    if all.is_empty() {
        return String::new();
    }
    let heads = COLUMNS.map(|(head, _)| head.to_owned());
    let rows = std::iter::once(("read by".to_owned(), heads))
        .chain(all.iter().map(|of| (of.variant.clone(), figures(of))));
    let rows: Vec<(String, [String; COLUMNS.len()])> = rows.collect();
    let name = rows.iter().map(|(name, _)| measure_text_width(name)).max().unwrap_or_default();
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(|column| {
        rows.iter().map(|(_, cells)| measure_text_width(&cells[column])).max().unwrap_or_default()
    });
    let mut text = String::new();
    for (index, (variant, cells)) in rows.iter().enumerate() {
        let cells = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("  {}", pad_str(cell, width, Alignment::Right, None)));
        let line = format!(
            "  {}{}",
            pad_str(variant, name, Alignment::Left, None),
            cells.collect::<String>()
        );
        text += &if index == 0 { paint.dim(&line) } else { line };
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_no_zero() {
        let hostpath = ReadMetrics {
            variant: "3-hostpath".into(),
            setup_seconds: 0.314,
            bytes_to_nodes: 13_230_157,
            big_bytes_per_second: vec![410e6, 390e6, 530e6],
            planning_seconds: 0.21,
            ..Default::default()
        };
        let expected = ["0.31 s", "13.2 MB", "410 MB/s", "–", "0.21 s", "–", "nothing"];
        let expected = expected.map(str::to_owned);
        assert_eq!(figures(&hostpath), expected);
        let text = table(&[hostpath], Paint(false));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(measure_text_width(lines[0]), measure_text_width(lines[1]), "{text}");
        assert_eq!(table(&[], Paint(false)), "");
    }
}
