//! Reads Rust as far as the laws need it: what is code, what is comment, what is test.
//!
//! Line-based and without a parser: comments and the insides of literals become spaces, so that columns and line numbers stay.

/// A Rust text taken apart.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The text with comments and the contents of string and character literals blanked.
    pub code: String,
    /// The text of the comments that stand on each line; as many entries as there are lines.
    pub comments: Vec<String>,
    /// For each line, whether it belongs to an item under `#[cfg(test)]`.
    pub tests: Vec<bool>,
}

impl Scan {
    pub(crate) fn new(text: &str) -> Scan {
        let mut reader = Reader { rest: text, code: String::with_capacity(text.len()), comments: vec![String::new()] };
        while !reader.rest.is_empty() {
            reader.step();
        }
        let lines = reader.comments.len();
        let mut scan = Scan { code: reader.code, comments: reader.comments, tests: vec![false; lines] };
        scan.mark_tests();
        scan
    }

    /// The lines of code that are not tests, counted from 1.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|&(line, _)| !self.is_test(line))
    }

    /// Every line of code, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.split('\n').enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Whether the line, counted from 1, belongs to a test.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.tests.get(line - 1).copied().unwrap_or(false)
    }

    /// The line, counted from 1, of a byte of the code.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Marks what stands under an attribute such as `#[cfg(test)]` or `#[test]`, from the attribute to the end of the item.
    fn mark_tests(&mut self) {
        let mut from = 0;
        while let Some(found) = self.code[from..].find("#[") {
            let start = from + found;
            let Some(end) = closing(&self.code, start + 1, '[', ']') else { break };
            let attribute: String = self.code[start..end].split_whitespace().collect();
            from = end;
            if attribute == "#[test]" || (attribute.starts_with("#[cfg(") && asks_for_test(&attribute)) {
                let stop = item_end(&self.code, end);
                for line in self.line_of(start)..=self.line_of(stop) {
                    if let Some(mark) = self.tests.get_mut(line - 1) {
                        *mark = true;
                    }
                }
                from = stop;
            }
        }
    }
}

/// Whether a `cfg` holds only under test: the word stands in it, and not inside a `not(…)`.
fn asks_for_test(attribute: &str) -> bool {
    attribute.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "test")
        && !attribute.contains("not(test")
}

/// Where the item that begins at `from` ends: at its first `;` outside brackets, or at the end of its first block.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, character) in code[from..].char_indices() {
        let at = from + offset;
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => return at,
            '{' if depth == 0 => return closing(code, at, '{', '}').unwrap_or(code.len()).saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

/// The byte after the bracket that closes the one at `open`.
pub(crate) fn closing(code: &str, open: usize, opens: char, closes: char) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, character) in code[open..].char_indices() {
        if character == opens {
            depth += 1;
        } else if character == closes {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(open + offset + 1);
            }
        }
    }
    None
}

struct Reader<'a> {
    rest: &'a str,
    code: String,
    comments: Vec<String>,
}

impl Reader<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            self.blank(self.rest.find('\n').unwrap_or(self.rest.len()), Blank::Comment);
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment(self.rest), Blank::Comment);
        } else if let Some((quote, length)) = string(self.rest) {
            self.keep(quote);
            self.blank(length - quote, Blank::Literal);
        } else if let Some(length) = character(self.rest) {
            self.keep(1);
            self.blank(length - 1, Blank::Literal);
        } else {
            // A whole word at once, so that its last letter is never taken for a literal's prefix.
            let word = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
            self.keep(word.max(self.rest.chars().next().map_or(1, char::len_utf8)));
        }
    }

    fn keep(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.code.push_str(taken);
        for _ in taken.matches('\n') {
            self.comments.push(String::new());
        }
        self.rest = rest;
    }

    /// Puts spaces for a comment or the inside of a literal, and keeps a comment's text aside.
    fn blank(&mut self, length: usize, what: Blank) {
        let (taken, rest) = self.rest.split_at(length);
        for character in taken.chars() {
            if character == '\n' {
                self.code.push('\n');
                self.comments.push(String::new());
                continue;
            }
            self.code.extend(std::iter::repeat_n(' ', character.len_utf8()));
            if let (Blank::Comment, Some(line)) = (&what, self.comments.last_mut()) {
                line.push(character);
            }
        }
        self.rest = rest;
    }
}

enum Blank {
    Comment,
    Literal,
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// How long the block comment is that the text begins with; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Where the text begins with a string literal: the length of its prefix and opening quote, and of the whole.
fn string(text: &str) -> Option<(usize, usize)> {
    let after_letter = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let raw = after_letter.strip_prefix('r');
    let hashes = raw.map_or(0, |rest| rest.len() - rest.trim_start_matches('#').len());
    let rest = raw.map_or(after_letter, |rest| &rest[hashes..]);
    let body = rest.strip_prefix('"')?;
    let open = text.len() - body.len();
    let mut at = 0;
    let bytes = body.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if raw.is_none() => at += 1,
            b'"' if body[at + 1..].starts_with(&"#".repeat(hashes)) => return Some((open, open + at + 1 + hashes)),
            _ => {}
        }
        at += 1;
    }
    Some((open, text.len()))
}

/// How long the character literal is that the text begins with; nothing for a lifetime.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let first = body.chars().next()?;
    if first == '\\' {
        let escaped = body.char_indices().nth(2)?.0;
        return body[escaped..].find('\'').map(|at| 1 + escaped + at + 1);
    }
    body[first.len_utf8()..].starts_with('\'').then_some(1 + first.len_utf8() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, source, and the code that must remain with runs of spaces made one.
    const BLANKED: &[(&str, &str, &str)] = &[
        ("a line comment", "a; // unsafe \"b\nc;", "a; c;"),
        ("a nested block comment", "a /* x /* y */ unsafe */ b", "a b"),
        ("a string with an escaped quote", r#"f("unsafe \" // x") + 1"#, r#"f(" ) + 1"#),
        ("a raw string with hashes", r###"f(r#"unsafe " // "#, 2)"###, r##"f(r#" , 2)"##),
        ("a byte string", r#"b"unsafe" + c"unsafe" + br"\" + 1"#, r#"b" + c" + br" + 1"#),
        ("a quote as a character", r#"'"' + "x" + '\'' + '\u{22}' + 1"#, r#"' + " + ' + ' + 1"#),
        ("a lifetime", "fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ("a word that ends in a prefix letter", "for b in bar { r }", "for b in bar { r }"),
        ("a comment opened in a string", "f(\"/*\"); g();", "f(\" ); g();"),
        ("a string over two lines", "f(\"a\nunsafe\");", "f(\" );"),
        ("letters beyond ASCII", "a(\"é…\") // ü\n+ b", "a(\" ) + b"),
    ];

    #[test]
    fn comments_and_literals_are_blanked() {
        for (name, source, wanted) in BLANKED {
            let code: Vec<String> = Scan::new(source).code.split_whitespace().map(str::to_owned).collect();
            assert_eq!(code.join(" "), *wanted, "{name}");
        }
    }

    #[test]
    fn every_line_keeps_its_number() {
        let source = "a\n/* b\nc */ d // e\n\"f\ng\" h\n";
        let scan = Scan::new(source);
        assert_eq!(scan.code.lines().count(), source.lines().count());
        assert_eq!(scan.code.len(), source.len());
        assert_eq!(scan.comments.len(), 6);
        assert_eq!(scan.comments[1].trim(), "/* b");
        assert_eq!(scan.comments[2].trim(), "c */// e");
        assert_eq!(scan.line_of(scan.code.find('h').expect("h is code")), 5);
    }

    #[test]
    fn tests_are_told_from_what_is_shipped() {
        let source = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { [1; 2]; }\n}\n#[cfg(test)]\nuse x;\nfn c() {}\n\
                      #[cfg(not(test))]\nfn d() {}\n#[cfg(all(test, unix))]\nfn e([_]: [u8; 1]) {\n}\nfn f() {}\n";
        let marked: Vec<usize> = (1..=14).filter(|&line| Scan::new(source).is_test(line)).collect();
        assert_eq!(marked, [2, 3, 4, 5, 6, 7, 11, 12, 13]);
    }
}
