/* scaled_tiles.h - where the scale of a block is. Private to core/tensor/scaled.
 *
 * Tensor cores want block scales in tiles of 128 rows by 4 columns, one tile after the other along the rows of tiles. In a tile
 * the rows r, r + 32, r + 64 and r + 96 lie side by side: 32 lines of 4 x 4 scales.
 */
#ifndef RESIDENCY_TENSOR_SCALED_TILES_H
#define RESIDENCY_TENSOR_SCALED_TILES_H

#include "core/tensor/scaled/scaled.h"

#define TILE_ROWS 128u
#define TILE_COLUMNS 4u

/* Elements of a row that share a scale. */
static inline uint64_t scaled_block_elements(const struct scaled_layer *layer)
{
	return layer->format == SCALED_NVFP4 ? 16 : 32;
}

/* Blocks in a row, the last of which may be short. */
static inline uint64_t scaled_blocks(const struct scaled_layer *layer)
{
	uint64_t elements = scaled_block_elements(layer);

	return layer->columns / elements + (layer->columns % elements != 0);
}

/* Scales in whole tiles; 0 where no file has so many. */
static inline uint64_t scaled_tiles_size(uint64_t rows, uint64_t blocks)
{
	uint64_t down = rows / TILE_ROWS + (rows % TILE_ROWS != 0);
	uint64_t across = blocks / TILE_COLUMNS + (blocks % TILE_COLUMNS != 0);
	uint64_t size;

	if (__builtin_mul_overflow(down, across, &size) || __builtin_mul_overflow(size, TILE_ROWS * TILE_COLUMNS, &size))
		return 0;
	return size;
}

static inline uint64_t scaled_tiles_index(uint64_t row, uint64_t block, uint64_t blocks)
{
	uint64_t across = blocks / TILE_COLUMNS + (blocks % TILE_COLUMNS != 0);
	uint64_t tile = row / TILE_ROWS * across + block / TILE_COLUMNS;

	return tile * TILE_ROWS * TILE_COLUMNS + row % 32 * 16 + row % TILE_ROWS / 32 * 4 + block % TILE_COLUMNS;
}

#endif
