#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/array.h"

static int open_for_reading(const char *path, struct error *e)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		error_set(e, ERROR_MISSING, "cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		error_set(e, ERROR_MISSING, "cannot read %s: it is a folder, a file is wanted", path);
		return -1;
	}
	return fd;
}

char *file_read_whole(const char *path, size_t *length, struct error *e)
{
	char *text = NULL;
	size_t capacity = 0;
	size_t count = 0;
	int fd = open_for_reading(path, e);

	if (fd < 0)
		return NULL;
	for (;;) {
		ssize_t got;

		if (!array_reserve(&text, &capacity, count + 65536, 1, e))
			goto fail;
		got = read(fd, text + count, capacity - count - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			error_set(e, ERROR_IO, "cannot read %s: %s", path, strerror(errno));
			goto fail;
		}
		if (got == 0)
			break;
		count += (size_t)got;
	}
	close(fd);
	text[count] = '\0';
	*length = count;
	return text;
fail:
	free(text);
	close(fd);
	return NULL;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes += put;
		length -= (size_t)put;
	}
	return true;
}

bool file_write_whole(const char *path, const void *bytes, size_t length, struct error *e)
{
	char partial[4096];
	bool fine;
	int fd;

	if (snprintf(partial, sizeof(partial), "%s.partial-%ld", path, (long)getpid()) >= (int)sizeof(partial))
		return error_set(e, ERROR_IO, "cannot write %.200s...: the path is too long", path);
	fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return error_set(e, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
	fine = write_all(fd, bytes, length) && fsync(fd) == 0;
	if (!fine)
		error_set(e, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
	if (close(fd) != 0 && fine)
		fine = error_set(e, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
	if (fine && rename(partial, path) != 0)
		fine = error_set(e, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
	if (!fine)
		unlink(partial);
	return fine;
}

bool file_make_folder(const char *path, struct error *e)
{
	char part[4096];
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof(part))
		return error_set(e, ERROR_IO, "cannot make the folder \"%.200s\": its path is empty or too long", path);
	memcpy(part, path, length + 1);
	for (size_t i = 1; i <= length; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, 0777) != 0 && errno != EEXIST)
			return error_set(e, ERROR_IO, "cannot make the folder %s: %s", part, strerror(errno));
		part[i] = path[i];
	}
	return true;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	(void)remove(path);
	return 0;
}

void file_remove_folder(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool file_map(struct file_mapping *mapping, const char *path, struct error *e)
{
	struct stat st;
	void *bytes = NULL;
	int fd = open_for_reading(path, e);

	*mapping = (struct file_mapping) { .bytes = NULL };
	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		error_set(e, ERROR_MISSING, "cannot map %s: it is not a regular file", path);
		goto fail;
	}
	if (st.st_size > 0) {
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED) {
			error_set(e, ERROR_IO, "cannot map %s: %s", path, strerror(errno));
			goto fail;
		}
	}
	close(fd);
	mapping->bytes = bytes;
	mapping->size_bytes = (size_t)st.st_size;
	return true;
fail:
	close(fd);
	return false;
}

void file_unmap(struct file_mapping *mapping)
{
	if (mapping->bytes)
		munmap((void *)(uintptr_t)mapping->bytes, mapping->size_bytes);
	*mapping = (struct file_mapping) { .bytes = NULL };
}

bool file_read_at(const char *path, uint64_t offset, void *to, size_t length, size_t *got, struct error *e)
{
	int fd = open_for_reading(path, e);
	ssize_t count = 1;

	*got = 0;
	if (fd < 0)
		return false;
	while (*got < length && count > 0) {
		count = pread(fd, (char *)to + *got, length - *got, (off_t)(offset + *got));
		*got += count > 0 ? (size_t)count : 0;
	}
	if (count < 0)
		error_set(e, ERROR_IO, "cannot read %s: %s", path, strerror(errno));
	close(fd);
	return count >= 0;
}

bool file_size(const char *path, uint64_t *size_bytes, struct error *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return error_set(e, ERROR_MISSING, "cannot open %s: %s", path, strerror(errno));
	*size_bytes = (uint64_t)st.st_size;
	return true;
}
