-- A box may go on for another one. What the head-end has from there is covered here, though its
-- rows are not: closed intervals of captured_at, JSON. See docs/adr/0011-takeover-document.md.
ALTER TABLE stream ADD COLUMN inherited TEXT NOT NULL DEFAULT '[]';
-- A reading of the earlier box has seq 0 or less. It is here to be compared with, and never told.
