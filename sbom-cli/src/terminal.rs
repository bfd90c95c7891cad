//! Messages and progress on standard error.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, IsTerminal as _, Write},
    sync::{Mutex, PoisonError},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sbom_core::{columns::Style, oci::LayerDescriptor, scan::Progress};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{
    args::{Global, LogFormat, When},
    environment::Environment,
    orders,
};

/// Standard error: log lines, errors, and bars that keep below them.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    bars: MultiProgress,
    format: LogFormat,
    quiet: bool,
    colors: bool,
    when: When,
}

impl Terminal {
    /// Decides by arguments and environment what is shown, and starts the log.
    pub(crate) fn new(global: &Global, environment: &Environment) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let colors = match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && !environment.no_color && !environment.dumb_terminal,
        };
        console::set_colors_enabled_stderr(colors);
        let shows_bars = is_terminal
            && !global.quiet
            && !environment.ci
            && !environment.dumb_terminal
            && global.log_format == LogFormat::Text;
        let target = if shows_bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let terminal = Self {
            bars: MultiProgress::with_draw_target(target),
            format: global.log_format,
            quiet: global.quiet,
            colors,
            when: global.color,
        };
        let level = match (global.quiet, global.verbose) {
            (true, _) => "error",
            (false, 0) => "warn",
            (false, 1) => "sbom_core=info,sbomctl=info,warn",
            (false, 2) => "sbom_core=debug,sbomctl=debug,info",
            (false, _) => "trace",
        };
        let log = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(level))
            .with_writer(terminal.clone())
            .with_target(false)
            .with_ansi(colors);
        match global.log_format {
            LogFormat::Text => log.without_time().init(),
            LogFormat::Json => log.json().flatten_event(true).init(),
        }
        terminal
    }

    /// Prints an error with its causes.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        if let Some(Lines(lines)) = error.downcast_ref() {
            for line in lines {
                self.error(&anyhow::Error::msg(line.clone()));
            }
            return;
        }
        let text = messages(error);
        match self.format {
            LogFormat::Json => tracing::error!("{text}"),
            LogFormat::Text => {
                let (on, off) = if self.colors { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
                self.print(format_args!("{on}error:{off} {text}"));
            }
        }
    }

    /// Prints errors, each on a line of its own.
    pub(crate) fn errors(&self, lines: Vec<String>) {
        if !lines.is_empty() {
            self.error(&anyhow::Error::new(Lines(lines)));
        }
    }

    /// Prints a warning, unless it is to be quiet.
    pub(crate) fn warn(&self, text: fmt::Arguments<'_>) {
        match self.format {
            _ if self.quiet => {}
            LogFormat::Json => tracing::warn!("{text}"),
            LogFormat::Text => {
                let (on, off) = if self.colors { ("\x1b[1;33m", "\x1b[0m") } else { ("", "") };
                self.print(format_args!("{on}warning:{off} {text}"));
            }
        }
    }

    /// Whether nothing is to be told but errors and what is asked for.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// How lines on standard output are to look.
    pub(crate) fn stdout_style(&self, environment: &Environment) -> Style {
        let colors = match self.when {
            When::Always => true,
            When::Never => false,
            When::Auto => io::stdout().is_terminal() && !environment.no_color && !environment.dumb_terminal,
        };
        Style { columns: columns(environment), colors }
    }

    /// Takes the bars away. For the end by a signal.
    pub(crate) fn clear(&self) {
        // Nothing can be done about a terminal that is gone.
        drop(self.bars.clear());
    }

    fn print(&self, text: fmt::Arguments<'_>) {
        let text = orders::without(&text.to_string());
        // If standard error is gone there is nobody left to tell.
        self.bars.suspend(|| drop(writeln!(io::stderr(), "{text}")));
    }

    /// Shows the progress of a scan.
    pub(crate) fn bars(&self) -> Bars {
        Bars { terminal: self.clone(), by_layer: Mutex::new(BTreeMap::new()) }
    }
}

/// The width of the terminal that standard output is; none if it is something else.
pub(crate) fn columns(environment: &Environment) -> Option<usize> {
    let stdout = console::Term::stdout();
    let measured = || stdout.size_checked().map(|(_, columns)| usize::from(columns));
    stdout.is_term().then(|| environment.columns.or_else(measured)).flatten()
}

/// Several errors, each of which is told by itself.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub(crate) struct Lines(pub(crate) Vec<String>);

/// The messages of an error and its causes on one line, without those that only repeat.
pub(crate) fn messages(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let message = cause.to_string();
        if text.contains(&message) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&message);
    }
    sbom_core::image_path::escape_control(&text).into_owned()
}

/// Writes log lines above the bars. It is given each whole.
#[derive(Debug)]
pub(crate) struct LogWriter {
    bars: MultiProgress,
    format: LogFormat,
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = match self.format {
            LogFormat::Json => orders::without_in_json(&text),
            LogFormat::Text => orders::without(&text),
        };
        self.bars.suspend(|| io::stderr().write_all(text.as_bytes()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Terminal {
    type Writer = LogWriter;

    fn make_writer(&'a self) -> LogWriter {
        LogWriter { bars: self.bars.clone(), format: self.format }
    }
}

/// A bar of bytes for each layer being read.
#[derive(Debug)]
pub(crate) struct Bars {
    terminal: Terminal,
    by_layer: Mutex<BTreeMap<usize, ProgressBar>>,
}

impl Progress for Bars {
    fn begin(&self, layer: &LayerDescriptor) {
        let template = match layer.size {
            Some(_) => "  {prefix} {wide_bar:.dim} {bytes:>10} / {total_bytes:>10} {bytes_per_sec:>12}",
            None => "  {prefix} {spinner} {bytes:>10} {bytes_per_sec:>12}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.terminal.bars.add(ProgressBar::new(layer.size.unwrap_or(0)).with_style(style));
        bar.set_prefix(format!("layer {:>3}", layer.index));
        self.by_layer.lock().unwrap_or_else(PoisonError::into_inner).insert(layer.index, bar);
    }

    fn advance(&self, layer: &LayerDescriptor, bytes: u64) {
        if let Some(bar) = self.by_layer.lock().unwrap_or_else(PoisonError::into_inner).get(&layer.index) {
            bar.set_position(bytes);
        }
    }

    fn end(&self, layer: &LayerDescriptor) {
        if let Some(bar) = self.by_layer.lock().unwrap_or_else(PoisonError::into_inner).remove(&layer.index) {
            bar.finish_and_clear();
            self.terminal.bars.remove(&bar);
        }
    }

    fn note(&self, _: &LayerDescriptor, text: &str) {
        self.terminal.warn(format_args!("{text}"));
    }
}
