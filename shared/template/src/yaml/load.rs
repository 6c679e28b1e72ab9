//! From bytes to a [`Document`], in two passes: the parser's events become a flat list of records in the file's order
//! ([`Reader`]), and the tree is built from it with its aliases expanded ([`expand`]).
//!
//! The list is what makes alias bombs harmless: an alias costs one record, whatever it stands for, and expansion counts
//! every node before it makes it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::expand::expand;
use super::lenient::{self, Edit};
use super::syntax;
use super::text::{Lines, decode};
use super::{Document, Limits, Remark, RemarkKind, Scalar, ScalarKind, join};
use crate::codes;
use crate::finding::{Code, Finding, sort};

/// Most findings in one answer, apart from the one that ends the reading.
const FINDINGS: usize = 100;

/// Longest JSON pointer in bytes that is of use to anybody; keys have no limit.
const POINTER: usize = 1000;

/// Whatever the limits say, nothing nests deeper, since trees are walked and dropped by recursion.
const DEEPEST: usize = 256;

/// The prefix of the tags that YAML itself defines.
const CORE: &str = "tag:yaml.org,2002:";

/// Reads one YAML document. JSON is YAML too.
///
/// # Errors
///
/// All findings (at most about 100) in the file's order, when the bytes are no document within `limits`. A syntax error
/// ends the reading; what was found before it is reported with it.
///
/// ```
/// use mlp_template::yaml::{Limits, load};
///
/// let document = load(b"client: {account_id: '012345678901'}", &Limits::config()).unwrap();
/// let place = document.place("/client/account_id").unwrap();
/// assert_eq!(place.value, (1, 22));
///
/// let findings = load(b"a: 1\nb: 2\na: 3\n", &Limits::config()).unwrap_err();
/// assert_eq!(findings[0].message, "the key `a` is in this map already, in line 1");
/// ```
pub fn load(bytes: &[u8], limits: &Limits) -> Result<Document, Vec<Finding>> {
    if bytes.len() > limits.bytes {
        let message = format!("the file has more than {} bytes", limits.bytes);
        return Err(vec![Finding::error(codes::YAML_TOO_LARGE, "", message)]);
    }
    let limits = Limits { depth: limits.depth.min(DEEPEST), ..*limits };
    let text = decode(bytes).map_err(|finding| vec![finding])?;
    let Parts { records, remarks, mut findings } = read(text, &limits);
    if findings.is_empty() {
        match expand(&records, &limits) {
            Ok(Some(root)) => return Ok(Document { root, remarks }),
            Ok(None) => findings.push(empty()),
            Err(finding) => findings.push(finding),
        }
    }
    sort(&mut findings);
    Err(findings)
}

/// Reads a text, and reads it again where only the strict parser refuses it.
fn read(text: &str, limits: &Limits) -> Parts {
    let mut repaired = Cow::Borrowed(text);
    let mut edits: Vec<Edit> = Vec::new();
    let mut begins: Vec<(u32, u32)> = Vec::new();
    let mut read_again = 0;
    loop {
        let mut reader = Reader::new(&repaired, limits);
        let stopped = reader.read().err();
        if let Some(Stop::Syntax(error)) = &stopped
            && limits.lenient
            && read_again < lenient::READ_AGAIN
            && let Some(repair) = lenient::repair(&repaired, error, reader.outermost_bracket(), reader.at)
        {
            let text = lenient::applied(&repaired, repair.edit);
            read_again += text.len();
            edits.push(repair.edit);
            begins.extend(repair.begin);
            repaired = Cow::Owned(text);
            continue;
        }
        // A repair that was not inside of what it took for quotes or brackets could change what is read.
        if !begins.iter().all(|begin| reader.begins_at(*begin)) && stopped.is_none() {
            return read(text, &Limits { lenient: false, ..*limits });
        }
        if let Some(stop) = stopped {
            let finding = reader.finding(stop);
            reader.findings.push(finding);
        }
        let Reader { mut records, mut remarks, mut findings, .. } = reader;
        if !edits.is_empty() {
            for record in &mut records {
                record.place = lenient::original(&edits, record.place);
            }
            for remark in &mut remarks {
                (_, remark.column) = lenient::original(&edits, (remark.line, remark.column));
            }
            for finding in &mut findings {
                if let (Some(line), Some(column)) = (finding.line, &mut finding.column) {
                    (_, *column) = lenient::original(&edits, (line, *column));
                }
            }
        }
        return Parts { records, remarks, findings };
    }
}

/// What was read.
struct Parts {
    records: Vec<Record>,
    remarks: Vec<Remark>,
    findings: Vec<Finding>,
}

/// Why a reading ended before the end.
enum Stop {
    Finding(Finding),
    Syntax(ScanError),
}

/// The finding for a file without content.
fn empty() -> Finding {
    Finding::error(codes::YAML_EMPTY, "", "the file is empty: there is nothing in it, or comments only")
        .help("`mlp init` writes a config to start from.")
}

/// A parser's position (1-based line, 0-based column) as a place.
pub(super) fn place(mark: &Marker) -> (u32, u32) {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    (number(mark.line()), number(mark.col() + 1))
}

/// A text of the file as a message may show it: short.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((index, _)) => Cow::Owned(format!("{}…", text.get(..index).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// A node or key as it stands in the file.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) place: (u32, u32),
    pub(super) tag: Option<String>,
    pub(super) what: What,
}

/// What a record is. Of lists and maps, the contents follow and end before the record `end` (0 while it is open); of
/// maps these are keys, always scalars, and values by turns.
#[derive(Debug)]
pub(super) enum What {
    Scalar(Scalar),
    Seq {
        end: usize,
    },
    Map {
        end: usize,
    },
    /// Stands for the record `target`.
    Alias {
        target: usize,
    },
}

/// A list or map that is being read.
struct Frame {
    record: usize,
    /// Whether it is written with brackets, or inside of one that is.
    flow: bool,
    inside: Inside,
}

enum Inside {
    /// The index of the item that is read next.
    Seq(usize),
    /// Every key's first place, and what comes next.
    Map(HashMap<String, (u32, u32)>, Turn),
}

enum Turn {
    Key,
    /// What is read is a key; `None` when it is no text.
    InKey(Option<String>),
    Value(Option<String>),
}

struct Reader<'a> {
    text: &'a str,
    limits: &'a Limits,
    lines: Lines<'a>,
    records: Vec<Record>,
    frames: Vec<Frame>,
    /// The record of every anchor, by the parser's id.
    anchors: BTreeMap<usize, usize>,
    /// Nodes so far, keys not counted, aliases not expanded.
    nodes: usize,
    documents: usize,
    /// Where the parser is.
    at: (u32, u32),
    tab_found: bool,
    remarks: Vec<Remark>,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, limits: &'a Limits) -> Self {
        Self {
            text,
            limits,
            lines: Lines::of(text),
            records: Vec::new(),
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            nodes: 0,
            documents: 0,
            at: (1, 1),
            tab_found: false,
            remarks: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Reads all events; an error ends the reading.
    fn read(&mut self) -> Result<(), Stop> {
        for event in Parser::new_from_str(self.text) {
            let (event, span) = event.map_err(Stop::Syntax)?;
            self.at = place(&span.end);
            self.event(event, span).map_err(Stop::Finding)?;
        }
        Ok(())
    }

    fn finding(&self, stop: Stop) -> Finding {
        match stop {
            Stop::Finding(finding) => finding,
            Stop::Syntax(error) => {
                let open = self.frames.last().and_then(|frame| self.records.get(frame.record));
                syntax::explain(&error, &self.lines, open, self.limits)
            }
        }
    }

    /// Where the outermost list or map in brackets begins that is open.
    fn outermost_bracket(&self) -> Option<(u32, u32)> {
        let frame = self.frames.iter().find(|frame| frame.flow)?;
        self.records.get(frame.record).map(|record| record.place)
    }

    /// Whether a list or map begins at a place, its tag and anchor before it left out.
    fn begins_at(&self, (line, column): (u32, u32)) -> bool {
        self.records.iter().any(|record| {
            let (_, from) = record.place;
            let is_here = record.place.0 == line && from <= column;
            is_here && matches!(record.what, What::Seq { .. } | What::Map { .. }) && {
                let between = self.lines.rest(record.place).chars().take((column - from) as usize);
                let between: String = between.collect();
                between.split_whitespace().all(|word| word.starts_with(['!', '&']))
            }
        })
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Finding> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(several_documents(self.lines.inside(place(&span.start))));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(text, style, anchor, tag.as_deref(), span)?;
            }
            Event::SequenceStart(anchor, tag) => {
                let inside = Inside::Seq(0);
                self.open(What::Seq { end: 0 }, inside, anchor, tag.as_deref(), span)?;
            }
            Event::MappingStart(anchor, tag) => {
                let inside = Inside::Map(HashMap::new(), Turn::Key);
                self.open(What::Map { end: 0 }, inside, anchor, tag.as_deref(), span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(id) => self.alias(id, span)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Finding> {
        let place = self.lines.inside(place(&span.start));
        let plain = style == ScalarStyle::Plain;
        let kind = if plain { ScalarKind::of(&text) } else { ScalarKind::Str };
        let mut scalar = Scalar { text: text.into_owned(), kind, plain };
        if style == ScalarStyle::DoubleQuoted
            && scalar.text.contains('/')
            && self.lines.has_slash_escape(place, self::place(&span.end))
        {
            self.remark(RemarkKind::SlashEscape, place);
        }
        let tag = self.tag(tag, place, Tagged::Scalar(&mut scalar));
        if scalar.plain
            && tag.is_none()
            && !self.wants_key()
            && scalar.text.len() == 12
            && scalar.text.starts_with('0')
            && scalar.text.bytes().all(|byte| byte.is_ascii_digit())
        {
            self.remark(RemarkKind::LeadingZero, place);
        }
        self.node(Record { place, tag, what: What::Scalar(scalar) }, anchor)
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Finding> {
        let place = self.lines.inside(place(&span.start));
        let Some(&target) = self.anchors.get(&id) else { return Ok(()) };
        self.remark(RemarkKind::Alias, place);
        let what = match self.records.get(target).map(|record| &record.what) {
            Some(What::Seq { end: 0 } | What::Map { end: 0 }) => {
                let message = "the alias stands inside of what it stands for, so it would never end";
                self.report(codes::YAML_ALIAS, place, message, "write the value out");
                What::Scalar(Scalar { text: String::new(), kind: ScalarKind::Str, plain: false })
            }
            // An alias of a text can be a key.
            Some(What::Scalar(scalar)) if self.wants_key() => What::Scalar(scalar.clone()),
            _ => What::Alias { target },
        };
        self.node(Record { place, tag: None, what }, 0)
    }

    fn open(
        &mut self,
        what: What,
        inside: Inside,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Finding> {
        let place = self.lines.inside(place(&span.start));
        if self.frames.len() >= self.limits.depth {
            return Err(too_deep(place, self.limits));
        }
        // A bracket has a width; a block begins at a point, but for an anchor or tag in the lines before.
        let flow = self.frames.last().is_some_and(|frame| frame.flow)
            || (!span.is_empty() && span.start.line() == span.end.line());
        if !flow {
            self.indentation(place);
        }
        let record = self.records.len();
        let tagged = if matches!(what, What::Seq { .. }) { Tagged::Seq } else { Tagged::Map };
        let tag = self.tag(tag, place, tagged);
        self.node(Record { place, tag, what }, anchor)?;
        self.frames.push(Frame { record, flow, inside });
        Ok(())
    }

    fn close(&mut self) {
        let end = self.records.len();
        if let Some(frame) = self.frames.pop()
            && let Some(Record { what: What::Seq { end: slot } | What::Map { end: slot }, .. }) =
                self.records.get_mut(frame.record)
        {
            *slot = end;
        }
        self.done();
    }

    /// Keeps a node or key.
    fn node(&mut self, record: Record, anchor: usize) -> Result<(), Finding> {
        let place = record.place;
        if self.wants_key() {
            self.key(&record);
        } else {
            self.nodes += 1;
            if self.nodes > self.limits.nodes {
                return Err(too_many_nodes(place, self.limits));
            }
        }
        if anchor > 0 {
            self.anchors.insert(anchor, self.records.len());
        }
        let complete = matches!(record.what, What::Scalar(_) | What::Alias { .. });
        self.records.push(record);
        if complete {
            self.done();
        }
        Ok(())
    }

    /// A node is complete: what comes next?
    fn done(&mut self) {
        match self.frames.last_mut().map(|frame| &mut frame.inside) {
            Some(Inside::Seq(index)) => *index += 1,
            Some(Inside::Map(_, turn)) => {
                *turn = match turn {
                    Turn::InKey(key) => Turn::Value(key.take()),
                    Turn::Key | Turn::Value(_) => Turn::Key,
                }
            }
            None => {}
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { inside: Inside::Map(_, Turn::Key), .. }))
    }

    /// Checks a key, and remembers it as the one whose value comes next.
    fn key(&mut self, record: &Record) {
        let place = record.place;
        if self.frames.last().is_some_and(|frame| !frame.flow) {
            self.indentation(place);
        }
        let key = match &record.what {
            What::Scalar(scalar) if scalar.kind != ScalarKind::Null => Some(scalar.text.clone()),
            _ => None,
        };
        let in_bad_key =
            self.frames.iter().any(|frame| matches!(frame.inside, Inside::Map(_, Turn::InKey(None))));
        let mut first = None;
        if let Some(Frame { inside: Inside::Map(keys, turn), .. }) = self.frames.last_mut() {
            if let Some(key) = &key {
                first = Some(*keys.entry(key.clone()).or_insert(place)).filter(|first| *first != place);
            }
            *turn = Turn::InKey(key.clone());
        }
        if matches!(&record.what, What::Scalar(scalar) if scalar.plain && scalar.is_number_of_yaml_1_1()) {
            self.remark(RemarkKind::NumericKey, place);
        }
        let Some(key) = key else {
            let message = match &record.what {
                What::Scalar(_) => "a key is empty or null; keys must be text",
                _ => "a key is a list or map; keys must be text",
            };
            // What a key that is no text holds goes with it.
            if !in_bad_key {
                self.report(codes::YAML_KEY, place, message, "if it is meant as text, put quotes around it");
            }
            return;
        };
        if record.tag.is_some() {
            let message = format!("the key `{}` has a tag; keys must be plain text", shown(&key));
            self.report(codes::YAML_KEY, place, message, "put the tag behind the colon, before the value");
        }
        if matches!(&record.what, What::Scalar(Scalar { plain: true, text, .. }) if text == "<<") {
            self.report(
                codes::YAML_ALIAS,
                place,
                "`<<` would merge another map into this one; merge keys are not read.",
                "write the keys out. As a key of that name, put quotes around it",
            );
        }
        if let Some((line, _)) = first {
            self.report(
                codes::YAML_DUPLICATE_KEY,
                place,
                format!("the key `{}` is in this map already, in line {line}", shown(&key)),
                "delete one of the two",
            );
        }
    }

    /// A local tag's name; a core tag is applied, any other one reported.
    fn tag(&mut self, tag: Option<&Tag>, place: (u32, u32), tagged: Tagged<'_>) -> Option<String> {
        let tag = tag?;
        let name = format!("{}{}", tag.handle, tag.suffix);
        if let Some(core) = name.strip_prefix(CORE) {
            let known = matches!(core, "str" | "int" | "bool" | "null" | "float" | "map" | "seq");
            if !known || !coerce(tagged, core) {
                let message = if known {
                    format!("what follows is not what its tag `!!{core}` says")
                } else {
                    format!("the tag `!!{}` is not read; data is plain here", shown(core))
                };
                self.report(codes::YAML_TAG, place, message, "remove the tag");
            }
            return None;
        }
        match name.strip_prefix('!') {
            // The tag `!` alone says "no more than it looks like": text, list or map.
            Some("") if self.limits.tags => {
                coerce(tagged, "str");
                None
            }
            Some(local) if self.limits.tags => Some(local.to_owned()),
            _ => {
                let message = format!("the tag `{}` stands where none is allowed", shown(&name));
                let help = "remove the tag. As the beginning of a text, put quotes around the text";
                self.report(codes::YAML_TAG, place, message, help);
                None
            }
        }
    }

    /// Finds a tab before a block's key or item: some the parser takes for spaces.
    fn indentation(&mut self, (line, _): (u32, u32)) {
        if !self.tab_found
            && let Some(column) = self.lines.tab(line)
        {
            self.tab_found = true;
            self.findings.push(syntax::tab((line, column)));
        }
    }

    fn report(
        &mut self,
        code: Code,
        (line, column): (u32, u32),
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.findings.len() < FINDINGS {
            let finding = Finding::error(code, self.pointer(), message).at(line, column).help(help);
            self.findings.push(finding);
        }
    }

    fn remark(&mut self, kind: RemarkKind, (line, column): (u32, u32)) {
        if self.remarks.len() < FINDINGS {
            self.remarks.push(Remark { kind, pointer: self.pointer(), line, column });
        }
    }

    /// Where the reader is, unless that would be absurdly long.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for frame in &self.frames {
            pointer = match &frame.inside {
                Inside::Seq(index) => join(&pointer, &index.to_string()),
                Inside::Map(_, Turn::InKey(Some(key)) | Turn::Value(Some(key))) => join(&pointer, key),
                Inside::Map(..) => pointer,
            };
            if pointer.len() > POINTER {
                return String::new();
            }
        }
        pointer
    }
}

/// What a tag stands before.
enum Tagged<'a> {
    Scalar(&'a mut Scalar),
    Seq,
    Map,
}

/// Applies a core tag; says whether it fits.
fn coerce(tagged: Tagged<'_>, core: &str) -> bool {
    let scalar = match tagged {
        Tagged::Scalar(scalar) => scalar,
        Tagged::Seq => return core == "seq",
        Tagged::Map => return core == "map",
    };
    let kind = ScalarKind::of(&scalar.text);
    // What is said to be text is no number or flag of YAML 1.1 either.
    scalar.plain &= core != "str";
    scalar.kind = match (core, kind) {
        ("str", _) => ScalarKind::Str,
        ("float", ScalarKind::Int(_)) => ScalarKind::Float,
        // A whole number beyond 64 bits.
        ("int", ScalarKind::Float) if scalar.text.bytes().all(|byte| byte.is_ascii_digit()) => kind,
        ("null", ScalarKind::Null)
        | ("bool", ScalarKind::Bool(_))
        | ("int", ScalarKind::Int(_))
        | ("float", ScalarKind::Float) => kind,
        _ => return false,
    };
    true
}

fn several_documents((line, column): (u32, u32)) -> Finding {
    Finding::error(codes::YAML_SEVERAL_DOCUMENTS, "", "a second document begins here; a file holds one")
        .at(line, column)
        .help("make one file of each document, or delete this `---` and what follows")
}

pub(super) fn too_deep((line, column): (u32, u32), limits: &Limits) -> Finding {
    let message = format!("lists and maps are nested more than {} levels deep here", limits.depth);
    Finding::error(codes::YAML_TOO_DEEP, "", message).at(line, column)
}

pub(super) fn too_many_nodes((line, column): (u32, u32), limits: &Limits) -> Finding {
    let message =
        format!("the document has more than {} values from here on, its aliases expanded", limits.nodes);
    Finding::error(codes::YAML_TOO_MANY_NODES, "", message).at(line, column)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
