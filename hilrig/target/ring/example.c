/* A pipeline for hilrig in C: how bright the frame is, on average, is the score of every label.
 *
 *     cc -std=c11 -O2 -o example example.c
 *
 * Profile: pipeline: {target: ring, target_options: {command: [./example]}, decide: {thresholds: {...}}}
 */
#include "hilrig_ring.h"

/* Stands for preprocess: adds up all values of the frame. */
static uint64_t preprocess(const hilrig_frame *frame) {
    const size_t n_values = (size_t)frame->height_px * frame->width_px * 3;
    uint64_t sum = 0;
    for (size_t i = 0; i < n_values; i++) sum += frame->pixels[i];
    return sum;
}

/* Stands for inference: a score from 0 (black) to 1 (white). */
static float infer(const hilrig_frame *frame, uint64_t sum) {
    return (float)((double)sum / (255.0 * 3.0 * (double)frame->height_px * (double)frame->width_px));
}

int main(void) {
    hilrig_ring ring;
    hilrig_frame frame;
    if (hilrig_ring_open(&ring) != 0) return 1;

    float *scores = (float *)calloc(ring.n_labels, sizeof(float)); /* and here a real pipeline loads its model */
    if (scores == NULL) return 1;
    hilrig_ring_ready(&ring);

    while (hilrig_ring_next(&ring, &frame)) {
        const uint64_t sum = preprocess(&frame);
        const int64_t t_preprocessed_ns = hilrig_ring_now_ns();
        const float brightness = infer(&frame, sum);
        const int64_t t_inferred_ns = hilrig_ring_now_ns(); /* after the device is synchronised */
        for (uint32_t i = 0; i < ring.n_labels; i++) scores[i] = brightness;
        hilrig_ring_answer(&ring, frame.frame_id, scores, ring.n_labels, t_preprocessed_ns, t_inferred_ns);
    }

    free(scores);
    hilrig_ring_close(&ring);
    return 0;
}
