//! Rows of cells → aligned lines for a terminal.

use std::{
    borrow::Cow,
    io::{self, Write},
    iter::repeat_n,
};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::image_path::escape_control;

/// Columns between two cells.
const SPACE: usize = 2;
/// No column is cut to fewer columns than this.
const NARROWEST: usize = 8;

/// A line of text in which nothing can move a terminal's cursor.
pub fn escaped(line: &str) -> Cow<'_, str> {
    escape_control(line)
}

/// How lines are to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Columns of the terminal; with none, nothing is cut.
    pub columns: Option<usize>,
    /// Whether to use colours.
    pub colors: bool,
}

/// A colour of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// For what is new.
    Green,
    /// For what is gone.
    Red,
    /// For what is different.
    Yellow,
    /// For what went on.
    Cyan,
}

impl Color {
    /// `text` in this colour, if `style` has colours.
    pub fn paint(self, text: &str, style: Style) -> Cow<'_, str> {
        if style.colors { Cow::Owned(format!("{}{text}\x1b[0m", self.start())) } else { Cow::Borrowed(text) }
    }

    fn start(self) -> &'static str {
        match self {
            Self::Green => "\x1b[32m",
            Self::Red => "\x1b[31m",
            Self::Yellow => "\x1b[33m",
            Self::Cyan => "\x1b[36m",
        }
    }
}

/// A table under construction. What could move a terminal's cursor is escaped in every cell.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: Vec<(Option<Color>, Vec<String>)>,
}

impl Table {
    /// A table whose first row is `heads`.
    pub fn new(heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self { rows: vec![(None, heads)] }
    }

    /// Adds a row; its first cell has the colour, if there is one.
    pub fn push(&mut self, color: Option<Color>, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        let cells = cells.into_iter().map(|cell| escape_control(cell.as_ref()).into_owned());
        self.rows.push((color, cells.collect()));
    }

    /// Writes the lines, each after `indent` spaces. Columns that are empty but for their heads are left out; on a
    /// terminal too narrow for all, the widest columns give way first.
    pub fn write(&self, style: Style, indent: usize, out: &mut dyn Write) -> io::Result<()> {
        let widths = self.widths(style.columns.map(|columns| columns.saturating_sub(indent)));
        for (color, cells) in &self.rows {
            let mut line: String = repeat_n(' ', indent).collect();
            for (place, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
                let Some(width) = width else { continue };
                let cell = cut(cell, width);
                let color = color.filter(|_| place == 0 && style.colors);
                line.push_str(color.map_or("", Color::start));
                line.push_str(&cell);
                line.push_str(color.map_or("", |_| "\x1b[0m"));
                line.extend(repeat_n(' ', width.saturating_sub(cell.width()) + SPACE));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// As wide as the widest cell, if there is room; none for a column that is empty.
    fn widths(&self, columns: Option<usize>) -> Vec<Option<usize>> {
        let count = self.rows.first().map_or(0, |(_, heads)| heads.len());
        let mut widths: Vec<Option<usize>> = vec![None; count];
        for (_, cells) in self.rows.iter().skip(1) {
            for (width, cell) in widths.iter_mut().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                *width = (*width).max(Some(cell.width()));
            }
        }
        for (width, head) in widths.iter_mut().zip(self.rows.first().map_or(&[][..], |(_, heads)| heads)) {
            *width = width.map(|width| width.max(head.width()));
        }
        let shown = widths.iter().flatten().count();
        let Some(room) = columns.map(|columns| columns.saturating_sub(SPACE * shown.saturating_sub(1)))
        else {
            return widths;
        };
        let bound = |limit: usize| {
            widths.iter().map(|width| width.map(|width| width.min(limit.max(NARROWEST)))).collect::<Vec<_>>()
        };
        let widest = widths.iter().flatten().copied().max().unwrap_or_default();
        // The largest bound on a column with which all fit; the sum grows with the bound.
        let (mut fits, mut exceeds) = (NARROWEST, widest.saturating_add(1));
        while exceeds - fits.min(exceeds) > 1 {
            let middle = fits + (exceeds - fits) / 2;
            if bound(middle).iter().flatten().sum::<usize>() <= room {
                fits = middle;
            } else {
                exceeds = middle;
            }
        }
        bound(fits)
    }
}

fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut short = String::new();
    let mut room = width.saturating_sub(1);
    for c in text.chars() {
        let Some(rest) = room.checked_sub(c.width().unwrap_or_default()) else { break };
        room = rest;
        short.push(c);
    }
    short.push('…');
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[[&str; 3]], columns: Option<usize>, expected: &str) {
        let mut table = Table::new(&["A", "B", "C"]);
        for row in rows {
            table.push(None, row);
        }
        let mut out = Vec::new();
        table.write(Style { columns, colors: false }, 0, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        check(
            &[["漢字", "1", "x"], ["abcdefgh", "2", "y"]],
            None,
            "A         B  C\n漢字      1  x\nabcdefgh  2  y\n",
        );
    }

    #[test]
    fn a_column_without_content_is_left_out() {
        check(&[["a", "", "c"]], None, "A  C\na  c\n");
    }

    #[test]
    fn only_what_does_not_fit_is_cut() {
        check(&[["abcdefghijklmnop", "", "c"]], Some(13), "A           C\nabcdefghi…  c\n");
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        check(&[["\u{1b}[2J", "", ""]], None, "A\n\\u{1b}[2J\n");
    }

    #[test]
    fn colours_do_not_shift_columns() {
        let mut table = Table::new(&["A", "B"]);
        table.push(Some(Color::Green), ["x", "y"]);
        let mut out = Vec::new();
        table.write(Style { columns: None, colors: true }, 2, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "  A  B\n  \u{1b}[32mx\u{1b}[0m  y\n");
    }
}
