/* hilrig_ring.h: the side of a pipeline that hilrig measures as a process of its own. Layout version 1.
 *
 * Header only, C11 and C++17, Linux, GCC or Clang. The whole client is:
 *
 *     hilrig_ring ring;
 *     hilrig_frame frame;
 *     if (hilrig_ring_open(&ring) != 0) return 1;
 *     load_the_model();
 *     hilrig_ring_ready(&ring);
 *     while (hilrig_ring_next(&ring, &frame)) {
 *         infer(frame.pixels, scores);
 *         hilrig_ring_answer(&ring, frame.frame_id, scores, ring.n_labels, 0, 0);
 *     }
 *     hilrig_ring_close(&ring);
 *
 * One thread may call hilrig_ring_next while another one calls hilrig_ring_answer or hilrig_ring_failed. Two
 * threads that answer need a lock of their own around it. What goes wrong is said on stderr.
 */
#ifndef HILRIG_RING_H
#define HILRIG_RING_H

#if !defined(_GNU_SOURCE) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1 /* MAP_POPULATE and clock_gettime under -std=c11 */
#endif

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if !defined(MAP_POPULATE) || !defined(CLOCK_MONOTONIC)
#error "include hilrig_ring.h before the system's headers, or compile with -D_GNU_SOURCE"
#endif

#define HILRIG_RING_VERSION 1u
#define HILRIG_RING_REQUESTS_WRITTEN 128u /* offsets of the counters in bytes, see docs/ring.md */
#define HILRIG_RING_ENDED 192u
#define HILRIG_RING_ANSWERS_READ 256u
#define HILRIG_RING_REQUESTS_TAKEN 320u
#define HILRIG_RING_ANSWERS_WRITTEN 384u
#define HILRIG_RING_READY 448u

/* The start of the block, as it lies in memory (little-endian). */
typedef struct {
    char magic[8];
    uint32_t version, block_bytes;
    uint32_t n_slots, height_px, width_px, channels;
    uint64_t slot_bytes;
    uint32_t n_labels, labels_offset, max_in_flight;
    uint32_t n_requests, requests_offset, request_bytes;
    uint32_t n_answers, answers_offset, answer_bytes;
} hilrig_ring_header;

typedef struct {
    uint64_t seq;
    uint32_t frame_id, slot;
    int64_t t_intended_ns, t_release_ns;
} hilrig_ring_request;

typedef struct {
    uint32_t frame_id, status; /* status: 0 decided, 1 failed */
    int64_t t_preprocessed_ns, t_inferred_ns;
    uint32_t n_scores, zero; /* then n_labels float32 */
} hilrig_ring_answer_head;

typedef struct {
    uint32_t n_labels, height_px, width_px, max_in_flight; /* what a client may want to know */
    hilrig_ring_header head;                              /* the rest is not for it */
    unsigned char *block;
    const unsigned char *frames;
    size_t frames_bytes;
    uint64_t taken, answered;
    int request_fd, answer_fd;
} hilrig_ring;

typedef struct {
    uint32_t frame_id;
    uint32_t height_px, width_px;
    const uint8_t *pixels; /* height x width x 3, BGR, valid until the frame is answered; read-only */
    int64_t t_intended_ns, t_release_ns; /* CLOCK_MONOTONIC: when the frame was due, when it was released */
} hilrig_frame;

/* Return CLOCK_MONOTONIC in nanoseconds: the clock of every stamp. */
static inline int64_t hilrig_ring_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline uint64_t *hilrig_ring_word_(const hilrig_ring *ring, unsigned offset) {
    return (uint64_t *)(void *)(ring->block + offset);
}

static inline int hilrig_ring_refuse_(const char *what) {
    fprintf(stderr, "hilrig_ring: %s\n", what);
    return -1;
}

/* Return the number in an environment variable, -1 when there is none. */
static inline long hilrig_ring_told_(const char *name) {
    const char *text = getenv(name);
    char *end = NULL;
    long value = text != NULL && *text != '\0' ? strtol(text, &end, 10) : -1;
    if (value >= 0 && *end == '\0') return value;
    fprintf(stderr, "hilrig_ring: %s is not set: was this process started by hilrig?\n", name);
    return -1;
}

/* Return whether `count` items of `bytes` lie within the block, from `offset`. */
static inline int hilrig_ring_fits_(const hilrig_ring_header *head, uint64_t offset, uint64_t count, uint64_t bytes) {
    return count > 0 && bytes % 8 == 0 && offset % 8 == 0 && offset >= HILRIG_RING_READY + 8 &&
           count <= head->block_bytes && bytes <= head->block_bytes && offset + count * bytes <= head->block_bytes;
}

static inline int hilrig_ring_check_(const hilrig_ring_header *head, uint64_t file_bytes) {
    if (memcmp(head->magic, "HILRIG\0\1", 8) != 0) return hilrig_ring_refuse_("HILRIG_RING_FD is no ring");
    if (head->version != HILRIG_RING_VERSION) {
        fprintf(stderr, "hilrig_ring: layout version %u, this header reads %u: take the header of this hilrig\n",
                (unsigned)head->version, (unsigned)HILRIG_RING_VERSION);
        return -1;
    }
    if (head->block_bytes > file_bytes || head->channels != 3 || head->slot_bytes == 0 || head->n_slots == 0 ||
        (uint64_t)head->height_px * head->width_px * head->channels > head->slot_bytes ||
        head->slot_bytes > SIZE_MAX / head->n_slots || head->labels_offset >= head->block_bytes ||
        head->request_bytes < sizeof(hilrig_ring_request) ||
        head->answer_bytes < sizeof(hilrig_ring_answer_head) + sizeof(float) * (uint64_t)head->n_labels ||
        !hilrig_ring_fits_(head, head->requests_offset, head->n_requests, head->request_bytes) ||
        !hilrig_ring_fits_(head, head->answers_offset, head->n_answers, head->answer_bytes))
        return hilrig_ring_refuse_("the sizes in the ring's header contradict each other");
    return 0;
}

static inline int hilrig_ring_map_(hilrig_ring *ring, int ring_fd, int frames_fd, long frames_offset) {
    struct stat file;
    void *start;
    ssize_t got = pread(ring_fd, &ring->head, sizeof ring->head, 0);
    if (got != (ssize_t)sizeof ring->head || fstat(ring_fd, &file) != 0)
        return hilrig_ring_refuse_("HILRIG_RING_FD cannot be read");
    if (hilrig_ring_check_(&ring->head, (uint64_t)file.st_size) != 0) return -1;
    ring->frames_bytes = (size_t)(ring->head.slot_bytes * ring->head.n_slots);
    start = mmap(NULL, ring->head.block_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_fd, 0);
    if (start == MAP_FAILED) return hilrig_ring_refuse_("the ring cannot be mapped");
    ring->block = (unsigned char *)start;
    start = mmap(NULL, ring->frames_bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, frames_fd, (off_t)frames_offset);
    if (start == MAP_FAILED) {
        munmap(ring->block, ring->head.block_bytes);
        return hilrig_ring_refuse_("the frames cannot be mapped");
    }
    ring->frames = (const unsigned char *)start;
    return 0;
}

/* Open the ring that hilrig named in the environment; return 0, or -1 with the reason on stderr. */
static inline int hilrig_ring_open(hilrig_ring *ring) {
    long ring_fd, frames_fd, frames_offset, request_fd, answer_fd;
    memset(ring, 0, sizeof *ring);
    if ((ring_fd = hilrig_ring_told_("HILRIG_RING_FD")) < 0) return -1;
    if ((frames_fd = hilrig_ring_told_("HILRIG_FRAMES_FD")) < 0) return -1;
    if ((frames_offset = hilrig_ring_told_("HILRIG_FRAMES_OFFSET")) < 0) return -1;
    if ((request_fd = hilrig_ring_told_("HILRIG_REQUEST_FD")) < 0) return -1;
    if ((answer_fd = hilrig_ring_told_("HILRIG_ANSWER_FD")) < 0) return -1;
    if (hilrig_ring_map_(ring, (int)ring_fd, (int)frames_fd, frames_offset) != 0) return -1;
    ring->request_fd = (int)request_fd;
    ring->answer_fd = (int)answer_fd;
    ring->n_labels = ring->head.n_labels;
    ring->height_px = ring->head.height_px;
    ring->width_px = ring->head.width_px;
    ring->max_in_flight = ring->head.max_in_flight;
    return 0;
}

/* Return the name of label `index` (0 to n_labels - 1), whose score stands at this place of an answer. */
static inline const char *hilrig_ring_label(const hilrig_ring *ring, uint32_t index) {
    const char *name = (const char *)ring->block + ring->head.labels_offset;
    while (index-- > 0) name += strlen(name) + 1;
    return name;
}

static inline int hilrig_ring_signal_(const hilrig_ring *ring) {
    const uint64_t one = 1;
    while (write(ring->answer_fd, &one, sizeof one) != (ssize_t)sizeof one)
        if (errno != EINTR) return hilrig_ring_refuse_("HILRIG_ANSWER_FD cannot be written");
    return 0;
}

/* Say that everything is loaded; hilrig offers no frame before. Return 0, or -1. */
static inline int hilrig_ring_ready(hilrig_ring *ring) {
    __atomic_store_n(hilrig_ring_word_(ring, HILRIG_RING_READY), 1, __ATOMIC_RELEASE);
    return hilrig_ring_signal_(ring);
}

/* Wait for the next frame; return 1 with the frame, 0 when there will be none. */
static inline int hilrig_ring_next(hilrig_ring *ring, hilrig_frame *frame) {
    uint64_t count;
    hilrig_ring_request request;
    const hilrig_ring_header *head = &ring->head;
    do { /* one count for each request, and one at the end */
        while (read(ring->request_fd, &count, sizeof count) != (ssize_t)sizeof count)
            if (errno != EINTR) return hilrig_ring_refuse_("HILRIG_REQUEST_FD cannot be read") + 1;
        if (__atomic_load_n(hilrig_ring_word_(ring, HILRIG_RING_ENDED), __ATOMIC_ACQUIRE) != 0) return 0;
    } while (ring->taken == __atomic_load_n(hilrig_ring_word_(ring, HILRIG_RING_REQUESTS_WRITTEN), __ATOMIC_ACQUIRE));
    memcpy(&request, ring->block + head->requests_offset + ring->taken % head->n_requests * head->request_bytes,
           sizeof request);
    ring->taken++;
    __atomic_store_n(hilrig_ring_word_(ring, HILRIG_RING_REQUESTS_TAKEN), ring->taken, __ATOMIC_RELEASE);
    if (request.slot >= head->n_slots) return hilrig_ring_refuse_("a request for a slot that is not there") + 1;
    frame->frame_id = request.frame_id;
    frame->height_px = head->height_px;
    frame->width_px = head->width_px;
    frame->pixels = ring->frames + request.slot * head->slot_bytes;
    frame->t_intended_ns = request.t_intended_ns;
    frame->t_release_ns = request.t_release_ns;
    return 1;
}

static inline int hilrig_ring_put_(hilrig_ring *ring, const hilrig_ring_answer_head *answer, const float *scores) {
    const struct timespec pause = {0, 100000};
    unsigned char *place = ring->block + ring->head.answers_offset +
                           ring->answered % ring->head.n_answers * ring->head.answer_bytes;
    while (ring->answered - __atomic_load_n(hilrig_ring_word_(ring, HILRIG_RING_ANSWERS_READ), __ATOMIC_ACQUIRE) >=
           ring->head.n_answers)
        nanosleep(&pause, NULL); /* a burst of late answers: hilrig reads them within a moment */
    memcpy(place, answer, sizeof *answer);
    if (scores != NULL) memcpy(place + sizeof *answer, scores, sizeof(float) * ring->n_labels);
    ring->answered++;
    __atomic_store_n(hilrig_ring_word_(ring, HILRIG_RING_ANSWERS_WRITTEN), ring->answered, __ATOMIC_RELEASE);
    return hilrig_ring_signal_(ring);
}

/* Answer a frame with one score for each label, in the order of the profile's labels.
 *
 * t_preprocessed_ns and t_inferred_ns are hilrig_ring_now_ns() at the end of these stages (after the device is
 * synchronised), or 0 when they are not known. Return 0, or -1.
 */
static inline int hilrig_ring_answer(hilrig_ring *ring, uint32_t frame_id, const float *scores, uint32_t n_scores,
                                     int64_t t_preprocessed_ns, int64_t t_inferred_ns) {
    hilrig_ring_answer_head answer;
    memset(&answer, 0, sizeof answer);
    answer.frame_id = frame_id;
    answer.t_preprocessed_ns = t_preprocessed_ns;
    answer.t_inferred_ns = t_inferred_ns;
    answer.n_scores = n_scores;
    if (n_scores == ring->n_labels) return hilrig_ring_put_(ring, &answer, scores);
    hilrig_ring_put_(ring, &answer, NULL); /* hilrig counts it as a bad answer */
    return hilrig_ring_refuse_("an answer needs one score for each label");
}

/* Say that a frame could not be decided. Return 0, or -1. */
static inline int hilrig_ring_failed(hilrig_ring *ring, uint32_t frame_id) {
    hilrig_ring_answer_head answer;
    memset(&answer, 0, sizeof answer);
    answer.frame_id = frame_id;
    answer.status = 1;
    return hilrig_ring_put_(ring, &answer, NULL);
}

/* Release the memory. */
static inline void hilrig_ring_close(hilrig_ring *ring) {
    munmap(ring->block, ring->head.block_bytes);
    munmap((void *)(uintptr_t)ring->frames, ring->frames_bytes);
}

#endif
