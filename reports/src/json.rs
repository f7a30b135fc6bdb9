//! The report as JSON.

use crate::Report;

/// The report as JSON, indented, with a line end. [`Report`] is its schema.
///
/// # Errors
/// None that a report built by [`Report::build`] can cause; what serde_json says.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

impl Report {
    /// Reads a JSON report. Fields of later versions of the same format are ignored.
    ///
    /// # Errors
    /// When it is not JSON, has another format, or a field is missing or of another type.
    pub fn from_json(text: &str) -> Result<Report, NotAReport> {
        let report: Report = serde_json::from_str(text)?;
        if report.format != crate::FORMAT {
            return Err(NotAReport::Format(report.format));
        }
        Ok(report)
    }
}

/// Why a text is not a report.
#[derive(Debug, thiserror::Error)]
pub enum NotAReport {
    /// Not JSON, or not of the shape.
    #[error("not a report: {0}")]
    Shape(#[from] serde_json::Error),
    /// The shape of another version.
    #[error("the report is of format `{0}`, not `{format}`; use the version of ordinal that wrote it", format = crate::FORMAT)]
    Format(String),
}
