/* One pass over the characters: letters, a colon, digits. An index that does not fit is told apart from a name of another form, since
 * PyTorch tells them apart in what it raises; its digits are read to the end, so that a letter after them still makes the name malformed.
 */
#include "core/plan/string/device_name.h"

#include <string.h>
#include <strings.h>

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static enum device_name_fault read_index(struct span digits, int64_t *index)
{
	enum device_name_fault fault = DEVICE_NAME_OK;

	if (digits.length == 0 || (digits.text[0] == '0' && digits.length > 1))
		return DEVICE_NAME_MALFORMED;
	*index = 0;
	for (size_t i = 0; i < digits.length; i++) {
		if (digits.text[i] < '0' || digits.text[i] > '9')
			return DEVICE_NAME_MALFORMED;
		*index = *index * 10 + (digits.text[i] - '0');
		if (*index > INT32_MAX) {
			fault = DEVICE_NAME_INDEX_TOO_LARGE;
			*index = INT32_MAX;
		}
	}
	return fault;
}

enum device_name_fault device_name_split(struct span text, struct device_name *name)
{
	size_t length = 0;

	while (length < text.length && is_letter(text.text[length]))
		length++;
	*name = (struct device_name) { .type = { text.text, length }, .index = DEVICE_NAME_NO_INDEX };
	if (length == 0 || (length < text.length && text.text[length] != ':'))
		return DEVICE_NAME_MALFORMED;
	return length == text.length ? DEVICE_NAME_OK : read_index(span_after(text, text.text + length), &name->index);
}

int device_name_meant_index(int64_t index)
{
	int kept = (int)(index & 0xff);

	if (kept > INT8_MAX)
		kept -= UINT8_MAX + 1;
	return kept == DEVICE_NAME_NO_INDEX ? 0 : kept;
}

static bool is_same_text(struct span a, struct span b)
{
	return a.length == b.length && strncasecmp(a.text, b.text, a.length) == 0;
}

bool device_name_means(struct span text, const char *listed)
{
	struct device_name device;

	if (is_same_text(text, span_of(listed)))
		return true;
	return device_name_split(span_of(listed), &device) == DEVICE_NAME_OK && device.index == 0 &&
	       is_same_text(text, device.type);
}
