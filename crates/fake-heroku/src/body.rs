//! Bodies of listings, made while they are sent, so that a day of a million events needs little
//! memory.

use std::io::{self, Write as _};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt as _, stream};

use crate::listing::Positions;
use crate::model::Day;

/// Pieces of a body.
pub(crate) type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

const PIECE: usize = 64 * 1024;

/// The JSON array of these events, with their exact bytes.
pub(crate) fn array(day: Day, positions: Positions) -> Pieces {
    let open = std::iter::once(Bytes::from_static(b"["));
    let events = positions.enumerate().flat_map(move |(nth, position)| {
        let comma = (nth > 0).then_some(Bytes::from_static(b","));
        comma.into_iter().chain([day.event(position)])
    });
    let close = std::iter::once(Bytes::from_static(b"]"));
    gathered(Box::new(open.chain(events).chain(close)))
}

/// Join small pieces. Pass a large one on without a copy.
fn gathered(mut pieces: Pieces) -> Pieces {
    let mut large = None;
    Box::new(std::iter::from_fn(move || {
        if let Some(piece) = large.take() {
            return Some(piece);
        }
        let mut gathered = BytesMut::new();
        while gathered.len() < PIECE {
            match pieces.next() {
                Some(piece) if piece.len() >= PIECE => {
                    large = Some(piece);
                    break;
                }
                Some(piece) => gathered.extend_from_slice(&piece),
                None => break,
            }
        }
        if gathered.is_empty() { large.take() } else { Some(gathered.freeze()) }
    }))
}

/// Compress these pieces into a gzip file.
pub(crate) fn gzipped(mut pieces: Pieces) -> Pieces {
    let mut encoder = Some(GzEncoder::new(Vec::new(), Compression::fast()));
    Box::new(std::iter::from_fn(move || {
        let gzip = encoder.as_mut()?;
        while gzip.get_ref().len() < PIECE {
            let Some(piece) = pieces.next() else {
                return Some(encoder.take()?.finish().expect("a vector takes all bytes").into());
            };
            gzip.write_all(&piece).expect("a vector takes all bytes");
        }
        Some(std::mem::take(gzip.get_mut()).into())
    }))
}

/// A body without a fault.
pub(crate) fn whole(pieces: Pieces) -> Body {
    Body::from_stream(stream::iter(pieces.map(Ok::<_, io::Error>)))
}

/// The first bytes of these pieces.
pub(crate) fn shortened(pieces: Pieces, bytes: usize) -> Pieces {
    let mut left = bytes;
    Box::new(pieces.map_while(move |mut piece| {
        piece.truncate(left);
        left -= piece.len();
        (!piece.is_empty()).then_some(piece)
    }))
}

/// A body whose connection breaks after this many bytes.
pub(crate) fn cut(pieces: Pieces, after_bytes: usize) -> Body {
    let kept = shortened(pieces, after_bytes).map(Ok);
    let broken = stream::once(async move {
        if after_bytes > 0 {
            // The server flushes only while the body has nothing ready.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(io::Error::other("cut"))
    });
    Body::from_stream(stream::iter(kept).chain(broken))
}

/// A body that arrives `chunk` bytes at a time.
pub(crate) fn trickled(pieces: Pieces, chunk: usize, every: Duration) -> Body {
    let small = pieces.flat_map(move |mut piece| {
        std::iter::from_fn(move || {
            (!piece.is_empty()).then(|| piece.split_to(chunk.clamp(1, piece.len())))
        })
    });
    Body::from_stream(stream::iter(small).then(move |piece| async move {
        tokio::time::sleep(every).await;
        Ok::<_, io::Error>(piece)
    }))
}
