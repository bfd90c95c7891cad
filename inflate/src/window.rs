//! What a stream gave last, which it may repeat.

/// How far back a repetition may begin.
const SIZE: usize = 32 << 10;

/// The last 32 KiB that were handed on.
#[derive(Debug)]
pub(crate) struct Window {
    /// A ring.
    bytes: Box<[u8]>,
    /// Where the next byte goes.
    next: usize,
    /// Bytes that it holds.
    held: usize,
}

impl Window {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; SIZE].into(), next: 0, held: 0 }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.held = 0;
    }

    /// Bytes that it holds.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// The byte so many places back; the last one is one place back.
    pub(crate) fn back(&self, distance: usize) -> u8 {
        let at = self.next.wrapping_sub(distance) % SIZE;
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// What lies from so many places back on, at most `room`: up to the end of the ring, and from its beginning on.
    pub(crate) fn from(&self, distance: usize, room: usize) -> (&[u8], &[u8]) {
        let room = room.min(distance);
        let at = self.next.wrapping_sub(distance) % SIZE;
        let (start, end) = (self.bytes.get(..self.next), self.bytes.get(at..));
        let end = end.unwrap_or_default();
        let end = end.get(..room).unwrap_or(end);
        let start = start.and_then(|start| start.get(..room - end.len()));
        (end, start.unwrap_or_default())
    }

    /// Adds what was handed on.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let last = bytes.get(bytes.len().saturating_sub(SIZE)..).unwrap_or_default();
        let (to_end, around) = last.split_at(last.len().min(SIZE - self.next));
        let (start, end) = self.bytes.split_at_mut(self.next);
        for (room, bytes) in [(end, to_end), (start, around)] {
            room.get_mut(..bytes.len()).unwrap_or_default().copy_from_slice(bytes);
        }
        self.next = (self.next + last.len()) % SIZE;
        self.held = (self.held + last.len()).min(SIZE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_the_last_of_what_was_added() {
        let bytes: Vec<u8> = (0..=250).cycle().take(5 * SIZE).collect();
        for piece in [1, 1000, SIZE - 1, SIZE, SIZE + 1, 3 * SIZE] {
            let mut window = Window::new();
            let mut added = 0;
            for piece in bytes.chunks(piece) {
                window.add(piece);
                added += piece.len();
                assert_eq!(window.held(), added.min(SIZE));
                for distance in [1, 2, 777, window.held()].into_iter().filter(|&back| back <= window.held()) {
                    assert_eq!(window.back(distance), bytes[added - distance], "{distance} of {added}");
                    for room in [1, 258, distance, SIZE] {
                        let from = added - distance;
                        let (first, second) = window.from(distance, room);
                        assert_eq!(
                            [first, second].concat(),
                            bytes[from..from + room.min(distance)],
                            "{distance} {room}"
                        );
                    }
                }
            }
        }
    }
}
