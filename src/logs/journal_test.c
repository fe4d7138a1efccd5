#include "logs/journal.h"

#include "codec/hash.h"

#include "base/limits.h"
#include "base/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct err err;

static struct record sample(int number, str input)
{
    static char id[16];

    snprintf(id, sizeof id, "request-%d", number);
    return (struct record){
        .request_id = str_of(id),
        .function = STR("f"),
        .version = STR("$LATEST"),
        .source = STR("lambda"),
        .received_wall_us = 1700000000000000 + number,
        .resolved_us = 1,
        .admitted_us = 2,
        .started_us = 3,
        .ended_us = 4,
        .answered_us = -1,
        .init_us = 6,
        .status = 200,
        .cold = true,
        .worker = 7,
        .memory_mb = 128,
        .memory_peak_kb = 9,
        .input = input,
        .input_bytes = 1 << 30,
        .output = STR("null"),
        .output_bytes = 4,
        .log = STR("START\nEND\n"),
    };
}

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/sculler-journal-XXXXXX");
    if (!mkdtemp(folder))
        abort();
}

static int files_count(bool remove)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.') {
            count++;
            if (remove)
                unlinkat(dirfd(dir), entry->d_name, 0);
        }
    closedir(dir);
    return count;
}

static void end(void)
{
    files_count(true);
    rmdir(folder);
}

static void append(struct journal *journal, int number, str input)
{
    struct record record = sample(number, input);
    struct record_wire wire;

    record_encode(&record, &wire);
    ok(journal_append(journal, &wire, &err));
}

/* How many records a reader gets from `from`, all with the numbers that follow `first`. */
static int read_all(struct journal_place from, struct journal_place until, int first, struct journal_reader *ret)
{
    struct journal_reader reader;
    struct record record;
    int count = 0;

    err = (struct err){0};
    journal_reader_init(&reader, folder, from);
    while (journal_read(&reader, until, &record, &err)) {
        struct record wanted = sample(first + count++, STR(""));

        ok(str_eq(record.request_id, wanted.request_id) && record.received_wall_us == wanted.received_wall_us);
    }
    ok(err.code == ERR_NONE);
    if (ret)
        *ret = reader;
    journal_reader_done(&reader);
    return count;
}

static void a_record_comes_back_as_it_was(void)
{
    struct record in = sample(1, STR("{\"a\":1}")), out;
    struct record_wire wire;
    char bytes[4096];
    size_t len = 0, got;

    in.alias = STR("prod"), in.detail = STR("POST /x"), in.error_type = STR("E"), in.cause = STR("why");
    record_encode(&in, &wire);
    for (size_t i = 0; i <= RECORD_TEXTS; i++) {
        if (wire.pieces[i].iov_len)
            memcpy(bytes + len, wire.pieces[i].iov_base, wire.pieces[i].iov_len);
        len += wire.pieces[i].iov_len;
    }
    ok(len == wire.bytes && record_decode((str){bytes, len}, &out, &got) && got == len);
    ok(str_eq(out.request_id, in.request_id) && str_eq(out.function, in.function) && str_eq(out.input, in.input));
    ok(str_eq(out.alias, in.alias) && str_eq(out.detail, in.detail) && str_eq(out.cause, in.cause));
    ok(str_eq(out.log, in.log) && str_eq(out.output, in.output) && str_eq(out.error_type, in.error_type));
    ok(out.answered_us == -1 && out.init_us == 6 && out.status == 200 && out.cold && out.worker == 7);
    ok(out.input_bytes == 1 << 30 && out.memory_mb == 128 && out.memory_peak_kb == 9);
    bool all_refused = true;
    for (size_t cut = 0; cut < len; cut++)
        all_refused = all_refused && !record_decode((str){bytes, cut}, &out, &got);
    ok(all_refused);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 1;
        all_refused = all_refused && !record_decode((str){bytes, len}, &out, &got);
        bytes[i] ^= 1;
    }
    ok(all_refused);
}

/* A frame with so many numbers (1, 2, 3 ...) and texts ("a", "b", "c" ...), as another build may write it: by hand, so
 * that a row of record.def which moved does not go unseen. */
static size_t make_frame(int numbers_count, int texts_count, char *ret)
{
    struct record_frame frame = {0x32524353, 0, 0, (uint16_t)numbers_count, (uint16_t)texts_count};
    const uint32_t one = 1;
    size_t len = sizeof frame;

    for (int64_t number = 1; number <= numbers_count; number++, len += sizeof number)
        memcpy(ret + len, &number, sizeof number);
    for (int i = 0; i < texts_count; i++, len += sizeof one)
        memcpy(ret + len, &one, sizeof one);
    for (int i = 0; i < texts_count; i++)
        ret[len++] = (char)('a' + i);
    frame.bytes = (uint32_t)(len - 12);
    memcpy(ret, &frame, sizeof frame);
    frame.crc = crc32c(0, ret + 12, frame.bytes);
    memcpy(ret, &frame, sizeof frame);
    return len;
}

enum { FIRST_NUMBERS = 14, FIRST_TEXTS = 11 }; /* of the first build whose frames say how many; these never change */

static void frames_of_the_first_build_are_read(void)
{
    struct record out;
    char bytes[1024];
    size_t len = make_frame(FIRST_NUMBERS, FIRST_TEXTS, bytes), got;

    ok(record_decode((str){bytes, len}, &out, &got) && got == len);
    ok(out.received_wall_us == 1 && out.resolved_us == 2 && out.admitted_us == 3 && out.started_us == 4);
    ok(out.ended_us == 5 && out.answered_us == 6 && out.init_us == 7 && out.status == 8 && out.cold);
    ok(out.worker == 10 && out.memory_mb == 11 && out.memory_peak_kb == 12);
    ok(out.input_bytes == 13 && out.output_bytes == 14);
    ok(str_eq(out.request_id, STR("a")) && str_eq(out.function, STR("b")) && str_eq(out.version, STR("c")));
    ok(str_eq(out.alias, STR("d")) && str_eq(out.source, STR("e")) && str_eq(out.detail, STR("f")));
    ok(str_eq(out.error_type, STR("g")) && str_eq(out.cause, STR("h")) && str_eq(out.input, STR("i")));
    ok(str_eq(out.output, STR("j")) && str_eq(out.log, STR("k")));
}

static void what_a_frame_does_not_have_is_empty_and_what_we_do_not_know_is_left(void)
{
    struct record out;
    char bytes[1024];
    size_t len = make_frame(3, 2, bytes), got;

    memset(&out, 1, sizeof out);
    ok(record_decode((str){bytes, len}, &out, &got) && got == len);
    ok(out.admitted_us == 3 && out.started_us == 0 && out.status == 0 && !out.cold && out.output_bytes == 0);
    ok(str_eq(out.function, STR("b")) && out.version.len == 0 && out.log.len == 0);
    len = make_frame(RECORD_NUMBERS + 3, RECORD_TEXTS + 2, bytes);
    ok(record_decode((str){bytes, len}, &out, &got) && got == len);
    ok(out.received_wall_us == 1 && str_eq(out.request_id, STR("a")) && str_eq(out.log, STR("k")));
    len = make_frame(0, 0, bytes);
    ok(record_decode((str){bytes, len}, &out, &got) && got == len && out.request_id.len == 0);
}

/* The journal of a build before a field was added, then ours behind it: neither is taken for a torn tail. */
static void an_older_journal_is_read_to_its_end(void)
{
    struct journal_reader reader;
    struct journal journal;
    struct record record;
    char bytes[1024], path[128];
    size_t len = make_frame(FIRST_NUMBERS - 1, FIRST_TEXTS - 1, bytes);
    int count = 0;

    begin();
    snprintf(path, sizeof path, "%s/000001.log", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ok(write(fd, bytes, len) == (ssize_t)len && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
    ok(journal_open(&journal, folder, &err));
    append(&journal, 0, STR(""));
    journal_reader_init(&reader, folder, (struct journal_place){1, 0});
    while (journal_read(&reader, journal.end, &record, &err))
        count++;
    ok(count == 3 && reader.torn_count == 0);
    journal_reader_done(&reader);
    journal_close(&journal);
    end();
}

static void long_texts_are_cut(void)
{
    size_t len = RECORD_BODY_BYTES_MAX + 10;
    char *text = calloc(1, len);
    struct record in = sample(1, (str){text, len});
    struct record_wire wire;

    in.function = (str){text, len};
    record_encode(&in, &wire);
    ok(wire.bytes < RECORD_FRAME_BYTES_MAX);
    ok(wire.head.lengths[1] == RECORD_WORD_BYTES_MAX && wire.head.lengths[8] == RECORD_BODY_BYTES_MAX);
    free(text);
}

static void records_are_read_in_order_and_by_place(void)
{
    struct journal journal;
    struct journal_reader reader;

    begin();
    ok(journal_open(&journal, folder, &err));
    for (int i = 0; i < 5; i++)
        append(&journal, i, STR(""));
    struct journal_place middle = journal.end;
    for (int i = 5; i < 8; i++)
        append(&journal, i, STR(""));
    ok(read_all((struct journal_place){1, 0}, middle, 0, &reader) == 5);
    ok(reader.place.file == middle.file && reader.place.offset == middle.offset);
    ok(read_all(middle, journal.end, 5, NULL) == 3);
    ok(read_all(journal.end, journal.end, 0, NULL) == 0);
    journal_close(&journal);
    ok(journal_open(&journal, folder, &err) && journal.end.file == 2);
    append(&journal, 8, STR(""));
    ok(read_all(middle, journal.end, 5, NULL) == 4);
    journal_remove_before(folder, journal.end);
    ok(files_count(false) == 1 && read_all(middle, journal.end, 8, NULL) == 1);
    journal_close(&journal);
    end();
}

static void a_torn_tail_ends_its_file_only(void)
{
    struct journal journal;
    struct journal_reader reader;
    char path[128];

    begin();
    ok(journal_open(&journal, folder, &err));
    for (int i = 0; i < 3; i++)
        append(&journal, i, STR("some input"));
    int64_t whole = journal.end.offset, one = whole / 3;
    journal_close(&journal);
    snprintf(path, sizeof path, "%s/000001.log", folder);
    for (int64_t len = whole - one; len < whole; len += 7) { /* the third, torn at many places */
        ok(truncate(path, len) == 0);
        ok(journal_open(&journal, folder, &err));
        append(&journal, 2, STR(""));
        ok(read_all((struct journal_place){1, 0}, journal.end, 0, &reader) == 3);
        ok(reader.torn_count == (len > whole - one));
        journal_close(&journal);
        snprintf(path, sizeof path, "%s/%06d.log", folder, (int)journal.end.file);
        unlink(path);
        snprintf(path, sizeof path, "%s/000001.log", folder);
    }
    end();
}

static void a_bad_byte_hides_only_what_is_behind_it_in_its_file(void)
{
    struct journal journal;
    struct journal_reader reader;
    char path[128];

    begin();
    ok(journal_open(&journal, folder, &err));
    append(&journal, 0, STR(""));
    int64_t at = journal.end.offset + 40;
    append(&journal, 1, STR(""));
    append(&journal, 2, STR(""));
    journal_close(&journal);
    snprintf(path, sizeof path, "%s/000001.log", folder);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ok(pwrite(fd, "!", 1, at) == 1);
    close(fd);
    ok(journal_open(&journal, folder, &err));
    append(&journal, 1, STR(""));
    ok(read_all((struct journal_place){1, 0}, journal.end, 0, &reader) == 2 && reader.torn_count == 1);
    journal_close(&journal);
    end();
}

static void files_are_changed_when_full(void)
{
    char *text = calloc(1, RECORD_INPUT_BYTES_MAX);
    struct journal journal;
    int count = JOURNAL_FILE_BYTES_MAX / RECORD_INPUT_BYTES_MAX + 1;

    begin();
    ok(journal_open(&journal, folder, &err));
    for (int i = 0; i < count; i++)
        append(&journal, i, (str){text, RECORD_INPUT_BYTES_MAX});
    ok(journal.end.file == 2);
    ok(read_all((struct journal_place){1, 0}, journal.end, 0, NULL) == count);
    journal_close(&journal);
    free(text);
    end();
}

TEST_MAIN(a_record_comes_back_as_it_was, frames_of_the_first_build_are_read,
          what_a_frame_does_not_have_is_empty_and_what_we_do_not_know_is_left, an_older_journal_is_read_to_its_end,
          long_texts_are_cut, records_are_read_in_order_and_by_place, a_torn_tail_ends_its_file_only,
          a_bad_byte_hides_only_what_is_behind_it_in_its_file, files_are_changed_when_full)
