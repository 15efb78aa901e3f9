//! Bodies as S3's clients send them: `aws-chunked` frames with trailers, and every checksum verified.

use crate::error::AwsError;
use crate::world::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

static CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
static CRC64: Crc<u64> = Crc::<u64>::new(&CRC_64_NVME);

/// One frame of a chunked body.
pub struct Chunk {
    pub data: Bytes,
    pub signature: Option<String>,
}

/// A body without its frames.
pub struct Unframed {
    pub body: Bytes,
    pub trailers: Vec<(String, String)>,
    pub chunks: Vec<Chunk>,
}

/// Whether the body is in `aws-chunked` frames.
pub fn is_framed(request: &Request) -> bool {
    let header = |name| super::address::header(request, name);
    header("x-amz-content-sha256").is_some_and(|h| h.starts_with("STREAMING-"))
        || header("content-encoding")
            .is_some_and(|e| e.split(',').any(|e| e.trim() == "aws-chunked"))
}

pub fn unframe(request: &Request) -> Result<Unframed, AwsError> {
    let incomplete =
        || AwsError::new("IncompleteBody", "The request body terminated unexpectedly").status(400);
    let mut rest = request.body.clone();
    let mut body = BytesMut::new();
    let mut chunks = Vec::new();
    loop {
        let line = take_line(&mut rest).ok_or_else(incomplete)?;
        let (size, extension) = line.split_once(';').unwrap_or((&line, ""));
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| incomplete())?;
        let signature = extension
            .strip_prefix("chunk-signature=")
            .map(|s| s.trim().to_owned());
        if size > rest.len() {
            return Err(incomplete());
        }
        let data = rest.split_to(size);
        body.extend_from_slice(&data);
        chunks.push(Chunk { data, signature });
        if size == 0 {
            break;
        }
        if !rest.starts_with(b"\r\n") {
            return Err(incomplete());
        }
        rest = rest.slice(2..);
    }
    let mut trailers = Vec::new();
    while let Some(line) = take_line(&mut rest) {
        if let Some((name, value)) = line.split_once(':') {
            trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let declared = super::address::header(request, "x-amz-decoded-content-length");
    if declared
        .and_then(|d| d.parse::<usize>().ok())
        .is_some_and(|d| d != body.len())
    {
        return Err(incomplete());
    }
    Ok(Unframed {
        body: body.freeze(),
        trailers,
        chunks,
    })
}

fn take_line(rest: &mut Bytes) -> Option<String> {
    if rest.is_empty() {
        return None;
    }
    let at = rest.iter().position(|b| *b == b'\n')?;
    let line = rest.split_to(at + 1);
    let text = std::str::from_utf8(&line).ok()?;
    Some(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Compares every checksum that headers (or trailers) name with the body's.
pub fn verify(headers: &[(String, String)], body: &[u8]) -> Result<(), AwsError> {
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let value = value.trim();
        if name == "content-md5" {
            let sent = STANDARD.decode(value).ok().filter(|d| d.len() == 16);
            let sent = sent.ok_or_else(|| {
                AwsError::new(
                    "InvalidDigest",
                    "The Content-MD5 you specified was invalid.",
                )
                .status(400)
            })?;
            if sent != Md5::digest(body).to_vec() {
                return Err(AwsError::new(
                    "BadDigest",
                    "The Content-MD5 you specified did not match what we received.",
                )
                .status(400));
            }
        }
        if name == "x-amz-content-sha256"
            && value.len() == 64
            && value != hex(&Sha256::digest(body))
        {
            return Err(AwsError::new(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
            .status(400));
        }
        let Some(algorithm) = name.strip_prefix("x-amz-checksum-") else {
            continue;
        };
        let Some(actual) = checksum(algorithm, body) else {
            continue;
        };
        // A composite checksum of a multipart upload (`…-3`) is of its parts: S3 itself compares it there.
        if !value.contains('-') && value != actual {
            let message = format!(
                "The {} you specified did not match the calculated checksum.",
                algorithm.to_ascii_uppercase()
            );
            return Err(AwsError::new("BadDigest", message).status(400));
        }
    }
    Ok(())
}

/// The checksum in base64, as S3 writes it.
pub fn checksum(algorithm: &str, body: &[u8]) -> Option<String> {
    Some(match algorithm.to_ascii_lowercase().as_str() {
        "crc32" => STANDARD.encode(CRC32.checksum(body).to_be_bytes()),
        "crc32c" => STANDARD.encode(CRC32C.checksum(body).to_be_bytes()),
        "crc64nvme" => STANDARD.encode(CRC64.checksum(body).to_be_bytes()),
        "sha1" => STANDARD.encode(Sha1::digest(body)),
        "sha256" => STANDARD.encode(Sha256::digest(body)),
        _ => return None,
    })
}

pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[(byte >> 4) as usize] as char);
        out.push(DIGITS[(byte & 15) as usize] as char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(body: &str) -> Request {
        Request {
            method: "PUT".into(),
            host: "s3.eu-west-1.amazonaws.com".into(),
            target: "/b/k".into(),
            headers: vec![(
                "x-amz-content-sha256".into(),
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER".into(),
            )],
            body: Bytes::from(body.to_owned()),
        }
    }

    #[test]
    fn frames_and_trailers_are_taken_off() {
        let found = unframe(&framed(
            "5\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:abc=\r\n\r\n",
        ))
        .unwrap();
        assert_eq!(found.body, "hello!");
        assert_eq!(
            found.trailers,
            [("x-amz-checksum-crc32".to_owned(), "abc=".to_owned())]
        );
        assert_eq!(
            unframe(&framed("6\r\nhello\r\n0\r\n")).err().unwrap().code,
            "IncompleteBody"
        );
    }

    #[test]
    fn checksums_are_those_of_the_published_check_values() {
        // The check value of a CRC is that of the digits 1 to 9.
        let of = |algorithm| {
            STANDARD
                .decode(checksum(algorithm, b"123456789").unwrap())
                .unwrap()
        };
        assert_eq!(of("crc32"), 0xcbf4_3926_u32.to_be_bytes());
        assert_eq!(of("crc32c"), 0xe306_9283_u32.to_be_bytes());
        assert_eq!(of("crc64nvme"), 0xae8b_1486_0a79_9888_u64.to_be_bytes());
    }

    #[test]
    fn a_wrong_checksum_is_refused() {
        let headers = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let good = checksum("sha256", b"x").unwrap();
        assert!(verify(&headers("x-amz-checksum-sha256", &good), b"x").is_ok());
        assert_eq!(
            verify(&headers("x-amz-checksum-sha256", &good), b"y")
                .unwrap_err()
                .code,
            "BadDigest"
        );
        assert_eq!(
            verify(&headers("content-md5", "eA=="), b"y")
                .unwrap_err()
                .code,
            "InvalidDigest"
        );
    }
}
