// The device's camera: a stream into a video element, and one picture of it.
import { canvasOf, sizeOf } from "./pixels.js";

export const hasCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** Start the camera in a video element; rejects where there is none or it may not be used. */
export async function startCamera(video) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.srcObject = stream;
  await video.play();
}

export function stopCamera(video) {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

/** The frame on show, as a JPEG file. */
export async function shot(video) {
  const { width, height } = sizeOf(video), canvas = canvasOf(width, height);
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new File([await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 })], "camera.jpg", { type: "image/jpeg" });
}
