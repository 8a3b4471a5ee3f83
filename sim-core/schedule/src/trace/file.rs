//! Files, packed or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::{DeflateDecoder, MultiGzDecoder};

/// Bytes at the start of a gzip file (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes at the start of a file within a zip archive (PKWARE APPNOTE 6.3, section 4.3.7).
const ZIP: [u8; 4] = *b"PK\x03\x04";
const BUFFER: usize = 1 << 16;

/// Opens a file for reading its text.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut raw = BufReader::with_capacity(BUFFER, File::open(path)?);
    let start = raw.fill_buf()?;
    if start.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(raw))));
    }
    if start.starts_with(&ZIP) {
        return first_of_zip(raw);
    }
    Ok(Box::new(raw))
}

/// The first file of a zip archive, from its own header: logs are packed alone.
fn first_of_zip(mut raw: BufReader<File>) -> io::Result<Box<dyn BufRead>> {
    let mut header = [0; 30];
    raw.read_exact(&mut header)?;
    let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (flags, method, packed) = (half(6), half(8), word(18));
    let rest = u64::from(half(26)) + u64::from(half(28));
    if io::copy(&mut raw.by_ref().take(rest), &mut io::sink())? < rest {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the zip archive ends in a header"));
    }
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::Unsupported, why));
    match method {
        _ if flags & 1 == 1 => refuse("the zip archive is encrypted"),
        8 => Ok(Box::new(BufReader::with_capacity(BUFFER, DeflateDecoder::new(raw)))),
        0 if flags & 8 == 0 => Ok(Box::new(raw.take(u64::from(packed)))),
        _ => refuse("the zip archive is packed by another method than deflate"),
    }
}

/// Skips the byte order mark of UTF-8, and refuses those of UTF-16.
pub fn skip_mark(text: &mut impl BufRead) -> io::Result<()> {
    let start = text.fill_buf()?;
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is in UTF-16; save it as UTF-8"));
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        text.consume(3);
    }
    Ok(())
}
