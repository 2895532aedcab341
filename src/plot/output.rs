//! Writing a figure's files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::figure::Figure;
use super::{bitmap, layout, svg, table};
use crate::files::{CompleteFile, temporary_beside};
use crate::{Error, Result};

impl Figure {
    /// Writes `stem.png` (twice the figure's size in pixels), `stem.svg` and `stem.csv`; files of
    /// these names are replaced.
    ///
    /// The CSV is in long form, one row per point: `panel` (counted from 1), `series`, `x`, `y`
    /// and, for bands, `y2`, after comment lines that name titles and axes.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] or [`Error::OutOfRange`] if the figure contradicts itself, and
    /// [`Error::Io`] if a file cannot be written. Every file appears whole or not at all.
    pub fn save(&self, stem: &Path) -> Result<()> {
        self.check()?;
        if stem.file_name().is_none() {
            let reason = format!("{:?} has no file name to add an ending to", stem.display());
            return Err(Error::invalid("figure path", reason));
        }
        let shapes = layout::shapes(self);
        let contents = [
            table::encode(self).into_bytes(),
            svg::encode(self.size, &shapes)?.into_bytes(),
            bitmap::encode(self.size, &shapes)?,
        ];
        // All are complete before the first takes its place.
        let mut ready = Vec::new();
        for (path, content) in Self::paths(stem).iter().zip(contents) {
            ready.push(write_beside(path, &content)?);
        }
        for file in ready {
            file.persist()?;
        }
        Ok(())
    }

    /// The files that [`save`](Self::save) writes.
    pub fn paths(stem: &Path) -> [PathBuf; 3] {
        ["csv", "svg", "png"].map(|ending| with_ending(stem, ending))
    }
}

/// `stem` followed by a dot and `ending`; a dot in the stem itself is no ending.
fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

/// A file with `content` beside `path`, which vanishes unless it is given its name.
fn write_beside(path: &Path, content: &[u8]) -> Result<CompleteFile> {
    let mut file = temporary_beside(path)?;
    file.write_all(content).map_err(Error::io("write", path))?;
    CompleteFile::new(file, path)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;

    use super::super::{Axis, Marker, Panel, Series, Style};
    use super::*;

    fn figure() -> Figure {
        let x = Axis::log("Rest-frame wavelength [Å]");
        let panel = Panel::new(x, Axis::log("Flux density [µJy]"))
            .title("A galaxy")
            .with(Series::new("model", [1e3, 1e4, 1e5], [1.0, 30.0, 10.0]))
            .with(
                Series::new("data", [2e3, 2e4], [3.0, 20.0]).style(Style::Markers(Marker::Circle)),
            );
        Figure::new(vec![panel], 1).size(500, 400)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Size and distinct colours of a PNG.
    fn image(path: &Path) -> ((u32, u32), HashSet<Vec<u8>>) {
        let file = std::io::BufReader::new(fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let colors = pixels[..info.buffer_size()].chunks(3).map(<[u8]>::to_vec).collect();
        ((info.width, info.height), colors)
    }

    #[test]
    fn three_whole_files_appear() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("fig.v2");
        figure().save(&stem).unwrap();
        figure().save(&stem).unwrap();
        assert_eq!(names(folder.path()), ["fig.v2.csv", "fig.v2.png", "fig.v2.svg"]);

        let (size, colors) = image(&folder.path().join("fig.v2.png"));
        assert_eq!(size, (1000, 800));
        assert!(colors.len() > 50, "{} colours", colors.len());
        for color in [[255; 3], [0; 3], [0, 114, 178], [213, 94, 0]] {
            assert!(colors.contains(color.as_slice()), "{color:?} is missing");
        }

        let svg = fs::read_to_string(folder.path().join("fig.v2.svg")).unwrap();
        for label in
            ["Rest-frame wavelength [Å]", "Flux density [µJy]", "A galaxy", "model", "data", "10³"]
        {
            assert!(svg.contains(&format!(">\n{label}\n</text>")), "{label} is missing");
        }
        let csv = fs::read_to_string(folder.path().join("fig.v2.csv")).unwrap();
        assert!(csv.contains("\n1,model,10000.0,30.0,\n"), "{csv}");
    }

    #[test]
    fn data_without_a_place_leave_an_empty_panel() {
        let folder = tempfile::tempdir().unwrap();
        let nothing: [&[f64]; 4] = [&[], &[f64::NAN; 3], &[0.0, -1.0], &[f64::INFINITY]];
        for (i, y) in nothing.into_iter().enumerate() {
            for style in [Style::Solid, Style::Dotted, Style::Band { y2: y.to_vec() }] {
                let series = Series::new("s", vec![1.0; y.len()], y).style(style);
                let panel = Panel::new(Axis::linear("x"), Axis::log("y")).with(series);
                let stem = folder.path().join(i.to_string());
                Figure::new(vec![panel], 1).size(300, 200).save(&stem).unwrap();
                let svg = fs::read_to_string(with_ending(&stem, "svg")).unwrap();
                assert!(svg.contains("no data in this range"), "{y:?}");
            }
        }
    }

    #[test]
    fn failures_are_typed_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for stem in [file.join("fig"), folder.path().join("missing").join("fig")] {
            let error = figure().save(&stem).unwrap_err();
            assert!(matches!(error, Error::Io { .. } | Error::File { .. }), "{error}");
        }
        assert!(matches!(figure().save(Path::new("/")), Err(Error::Invalid { .. })));
        let mut uneven = figure();
        uneven.panels[0].series[0].y.pop();
        let error = uneven.save(&folder.path().join("fig")).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        assert_eq!(names(folder.path()), ["file"]);

        // A folder in the way of the first file.
        fs::create_dir(folder.path().join("fig.csv")).unwrap();
        let error = figure().save(&folder.path().join("fig")).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
        assert_eq!(names(folder.path()), ["fig.csv", "file"]);
    }
}
